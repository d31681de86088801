"""One function per row of the table in docs/performance/sessions.md."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.gateway_load.line import BINARY, MIC_HEADER, TEXT, Line, begin
from bench.gateway_load.server import GatewayProcess

FRAME_SAMPLES = 320
MARK = (12345).to_bytes(2, "little")
MARKED_FRAME = MARK + bytes(2 * FRAME_SAMPLES - 2)
REPLY_RATE_HZ = 24_000
LEAD_MS = 220  # a frame may leave when one frame less than `lead_ms` is ahead


def percentile(values: list[float], share: float) -> float:
    if not values:
        return float("nan")
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def reply_header(payload: bytes) -> tuple[int, int, int]:
    """seq, generation, position."""
    _kind, _flags, _reserved, seq, generation, position = MIC_HEADER.unpack_from(payload)
    return seq, generation, position


async def added_latency(server: GatewayProcess, rounds: int) -> dict[str, Any]:
    """Last microphone sample in → first sample of the reply out, with engines that take no time."""
    line, _ = await begin(server.port)
    loop = asyncio.get_running_loop()
    values: list[float] = []
    for _ in range(rounds):
        first = loop.create_future()

        def take(opcode: int, payload: bytes, first: asyncio.Future[float] = first) -> None:
            if opcode == BINARY and not first.done():
                first.set_result(time.perf_counter())

        line.on_frame = take
        sent = time.perf_counter()
        line.send_sound(MARKED_FRAME)
        values.append((await asyncio.wait_for(first, 5) - sent) * 1000)
        await asyncio.sleep(0.06)  # until the 40 ms reply has been sent
    line.close()
    return {"rounds": rounds, "p50_ms": percentile(values, 0.5), "p95_ms": percentile(values, 0.95)}


async def stop_latency(server: GatewayProcess, rounds: int) -> dict[str, Any]:
    """`stop` sent → last sound of the reply received (0 when none came any more), and → `cut` received."""
    line, _ = await begin(server.port)
    loop = asyncio.get_running_loop()
    last_sound: list[float] = []
    cuts: list[float] = []
    for _ in range(rounds):
        started, cut, arrived = loop.create_future(), loop.create_future(), [0.0]

        def take(opcode: int, payload: bytes, started: Any = started, cut: Any = cut, arrived: Any = arrived) -> None:
            if opcode == BINARY:
                arrived[0] = time.perf_counter()
                if not started.done():
                    started.set_result(None)
            elif b'"cut"' in payload and not cut.done():
                cut.set_result(time.perf_counter())

        line.on_frame = take
        line.say(type="text", text="5000")
        await asyncio.wait_for(started, 5)
        await asyncio.sleep(0.05)
        sent = time.perf_counter()
        line.say(type="stop")
        cuts.append((await asyncio.wait_for(cut, 5) - sent) * 1000)
        await asyncio.sleep(0.08)
        last_sound.append(max(0.0, (arrived[0] - sent) * 1000))
    line.close()
    return {"rounds": rounds, "last_sound_p99_ms": percentile(last_sound, 0.99), "cut_p99_ms": percentile(cuts, 0.99)}


@dataclass
class Talker:
    """One simulated person: sound all the time, replies all the time, a turn now and then."""

    line: Line
    lateness_ms: list[float] = field(default_factory=list)
    turn_ms: list[float] = field(default_factory=list)
    frames: int = 0
    _begun: dict[int, float] = field(default_factory=dict)
    _asked_at: float | None = None

    def listen(self) -> None:
        self.line.on_frame = self._take

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode != BINARY:
            return
        now_ms = time.perf_counter() * 1000
        _seq, generation, position = reply_header(payload)
        self.frames += 1
        begun = self._begun.setdefault(generation, now_ms)
        if position == 0 and self._asked_at is not None:
            self.turn_ms.append(now_ms - self._asked_at)
            self._asked_at = None
        due_ms = begun + max(0.0, position * 1000 / REPLY_RATE_HZ - LEAD_MS)
        self.lateness_ms.append(now_ms - due_ms)

    def ask(self, duration_ms: int) -> None:
        self._asked_at = time.perf_counter() * 1000
        self.line.say(type="text", text=str(duration_ms))


async def concurrent(server: GatewayProcess, sessions: int, duration_s: float, pcm: np.ndarray) -> dict[str, Any]:
    """Everybody speaks and is spoken to at the same time, each frame at its own moment."""
    talkers = []
    for _ in range(sessions):
        line, _ready = await begin(server.port)
        talker = Talker(line)
        talker.listen()
        talkers.append(talker)
    cpu_before, own_before, started = server.cpu_s(), time.process_time(), time.perf_counter()
    await asyncio.gather(*(_live(talker, n, sessions, duration_s, pcm) for n, talker in enumerate(talkers)))
    took_s = time.perf_counter() - started
    lateness = [value for talker in talkers for value in talker.lateness_ms]
    turns = [value for talker in talkers for value in talker.turn_ms]
    for talker in talkers:
        talker.line.say(type="bye")
    await asyncio.sleep(0.5)
    return {
        "sessions": sessions,
        "duration_s": round(took_s, 1),
        "reply_frames": len(lateness),
        "most_frames": sessions * int(duration_s * 50),
        "lateness_p50_ms": percentile(lateness, 0.5),
        "lateness_p95_ms": percentile(lateness, 0.95),
        "lateness_p99_ms": percentile(lateness, 0.99),
        "first_sound_p95_ms": percentile(turns, 0.95),
        "server_cpu_cores": round((server.cpu_s() - cpu_before) / took_s, 2),
        "client_cpu_cores": round((time.process_time() - own_before) / took_s, 2),
        "loop_lag_ms": server.metric("stream_talk_loop_lag_ms"),
    }


async def _live(talker: Talker, number: int, of: int, duration_s: float, pcm: np.ndarray) -> None:
    loop = asyncio.get_running_loop()
    begin_at = loop.time() + number * 0.02 / of
    reply_s = 4.0
    next_reply = reply_s * number / of  # people do not all ask at once
    offset = (number * 7919) % max(1, len(pcm) - FRAME_SAMPLES)
    for frame in range(int(duration_s * 50)):
        due = begin_at + frame * 0.02
        delay = due - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        at = (offset + frame * FRAME_SAMPLES) % (len(pcm) - FRAME_SAMPLES)
        talker.line.send_sound(pcm[at : at + FRAME_SAMPLES].tobytes())
        if frame * 0.02 >= next_reply:
            talker.ask(int(reply_s * 1000))
            next_reply += reply_s + 0.3


async def idle_cpu(server: GatewayProcess, sessions: int, duration_s: float) -> dict[str, Any]:
    """Connected, with a microphone that is off."""
    before_any = await _cpu_share(server, duration_s)
    lines = [(await begin(server.port))[0] for _ in range(sessions)]
    await asyncio.sleep(1.0)
    with_sessions = await _cpu_share(server, duration_s)
    for line in lines:
        line.say(type="bye")
    await asyncio.sleep(0.5)
    each = max(0.0, with_sessions - before_any) / sessions * 100
    return {
        "sessions": sessions,
        "empty_server_percent": round(before_any * 100, 2),
        "per_session_percent": round(each, 3),
    }


async def _cpu_share(server: GatewayProcess, duration_s: float) -> float:
    before, started = server.cpu_s(), time.perf_counter()
    await asyncio.sleep(duration_s)
    return (server.cpu_s() - before) / (time.perf_counter() - started)


async def messages_of(line: Line, until: str, timeout_s: float = 10.0) -> list[dict[str, Any]]:
    """Text messages up to and including the first of type `until`."""
    done = asyncio.get_running_loop().create_future()
    found: list[dict[str, Any]] = []

    def take(opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            found.append(json.loads(payload))
            if found[-1]["type"] == until and not done.done():
                done.set_result(None)

    line.on_frame = take
    await asyncio.wait_for(done, timeout_s)
    return found
