"""Clients that vanish, read too slowly, or send nonsense: what is left of them, and what others feel."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import time
from typing import Any

from bench.gateway_load.line import BINARY, TEXT, Line, begin
from bench.gateway_load.server import GatewayProcess

RESET = struct.pack("ii", 1, 0)


async def vanish_cycles(server: GatewayProcess, cycles: int, at_once: int = 16) -> dict[str, Any]:
    """Connect, talk, vanish: by close, by reset, and by falling silent without a word (half-open)."""
    await _vanish(server, 600, at_once)  # what is loaded or pooled once is there now
    before = await settled_footprint(server)
    started = time.perf_counter()
    await _vanish(server, cycles, at_once)
    took_s = time.perf_counter() - started
    after = await settled_footprint(server)
    return {"cycles": cycles, "took_s": round(took_s, 1), "before": before, "after": after, "alive": server.alive}


async def _vanish(server: GatewayProcess, cycles: int, at_once: int) -> None:
    turn = asyncio.Semaphore(at_once)
    silent: list[Line] = []

    async def one(number: int) -> None:
        async with turn:
            line = await _begin_patiently(server.port)
            line.send_sound(bytes(640))
            line.say(type="text", text="200")
            await asyncio.sleep(0.01)
            if number % 3 == 0:
                line.close()
                await asyncio.wait({line.closed}, timeout=5)
            elif number % 3 == 1:
                assert line.transport is not None
                line.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                line.abort()
            else:
                assert line.transport is not None
                line.answers_pings = False
                line.transport.pause_reading()
                silent.append(line)
                if len(silent) > 200:
                    silent.pop(0).abort()

    await asyncio.gather(*(one(number) for number in range(cycles)))
    # The server hangs up on those that fell silent; the sockets on this side are closed only afterwards.
    await _until(lambda: server.metric("stream_talk_sessions") == 0, 60)
    for line in silent:
        line.abort()


async def _begin_patiently(port: int) -> Line:
    for _ in range(200):
        try:
            return (await begin(port))[0]
        except ConnectionError:
            await asyncio.sleep(0.1)  # at capacity
    raise ConnectionError("no place for 20 s")


async def settled_footprint(server: GatewayProcess) -> dict[str, float]:
    await _until(lambda: server.metric("stream_talk_sessions") == 0 and server.metric("stream_talk_graphs") <= 1, 60)
    await asyncio.sleep(7.0)  # lines that were hung up on linger for 5 s
    return server.footprint()


async def _until(condition: Any, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    loop = asyncio.get_running_loop()
    while not await loop.run_in_executor(None, condition):
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not settle")
        await asyncio.sleep(0.1)


class HealthyListener:
    """Somebody who must not notice anything: one long reply after another, every sample checked."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.wrong_samples = 0
        self.replies = 0
        self.errors: list[str] = []
        self.worst_gap_ms = 0.0
        self._expected = 0
        self._last: float | None = None
        line.on_frame = self._take

    def ask(self) -> None:
        self._expected, self._last = 0, None
        self.line.say(type="text", text="2000")

    def _take(self, opcode: int, payload: bytes) -> None:
        now = time.perf_counter() * 1000
        if opcode == BINARY:
            position = struct.unpack_from("<I", payload, 12)[0]
            samples = struct.unpack_from("<h", payload, 16)[0]
            if position != self._expected or samples != position % 2000 * 8 + 1:
                self.wrong_samples += 1
            self._expected = position + (len(payload) - 16) // 2
            if self._last is not None:
                self.worst_gap_ms = max(self.worst_gap_ms, now - self._last)
            self._last = now
            return
        message = json.loads(payload)
        if message["type"] == "audio_end":
            self.replies += 1
            self.ask()
        elif message["type"] == "error":
            self.errors.append(message["code"])

    def report(self) -> dict[str, Any]:
        return {
            "replies": self.replies,
            "wrong_frames": self.wrong_samples,
            "errors": self.errors,
            "worst_gap_ms": round(self.worst_gap_ms, 1),
        }


async def slow_client(server: GatewayProcess, limit_bytes: int) -> dict[str, Any]:
    """One that reads 1 kB/s while it asks for ever more, beside one that is well."""
    healthy = HealthyListener((await begin(server.port))[0])
    healthy.ask()
    slow, ready = await begin(server.port, receive_buffer_bytes=4096)
    memory_before = server.memory_mb()
    told: list[dict[str, Any]] = []
    slow.on_frame = lambda opcode, payload: told.append(json.loads(payload)) if opcode == TEXT else None
    started = time.perf_counter()
    highest, peak_mb = await _starve(server, slow, f"/v1/sessions/{ready['session_id']}/graph")
    found_after_s = time.perf_counter() - started
    slow.transport.resume_reading()  # type: ignore[union-attr]
    await asyncio.wait({slow.closed}, timeout=130)
    told_codes = [m["code"] for m in told if m["type"] == "error"]
    report = {
        "limit_bytes": limit_bytes,
        "highest_queue_bytes": highest,
        "found_after_s": round(found_after_s, 1),
        "server_grew_mb": round(peak_mb - memory_before, 1),
        "told": told_codes,
        "close_code": slow.close_code,
        "healthy": healthy.report(),
    }
    healthy.line.say(type="bye")
    return report


async def _starve(server: GatewayProcess, slow: Line, path: str) -> tuple[int, float]:
    """Ask for much and read about 1 kB/s (the 8 kB that the kernel holds, every 8 s) until the server has had enough."""
    assert slow.transport is not None
    loop, highest, peak_mb = asyncio.get_running_loop(), 0, 0.0
    slow.transport.pause_reading()
    for step in range(8000):
        if slow.closed.done():
            break
        slow.say(type="text", text="x" * 7900)
        await asyncio.sleep(0.015)
        if step % 40 == 39:
            body = json.loads(await loop.run_in_executor(None, server.get, path))
            highest = max(highest, body.get("session", {}).get("send_queue_bytes", 0))
            peak_mb = max(peak_mb, server.memory_mb())
            if await loop.run_in_executor(None, server.metric, "stream_talk_slow_clients_total"):
                break
        if step % 500 == 499:
            slow.transport.resume_reading()
            await asyncio.sleep(0)
            slow.transport.pause_reading()
    return highest, peak_mb


async def fuzz(server: GatewayProcess, messages: int, seed: int = 1) -> dict[str, Any]:
    """Malformed frames and messages on many lines, beside somebody who must not notice."""
    healthy = HealthyListener((await begin(server.port))[0])
    before = server.footprint()
    healthy.ask()
    rng = random.Random(seed)
    sent, closes = 0, {}  # type: ignore[var-annotated]
    while sent < messages:
        line = await _begin_patiently(server.port)
        line.on_frame = lambda _opcode, _payload: None
        for _ in range(rng.randrange(1, 40)):
            if line.closed.done():
                break
            send_nonsense(line, rng)
            sent += 1
            if rng.random() < 0.2:
                await asyncio.sleep(0)
        line.close()
        await asyncio.wait({line.closed}, timeout=5)
        line.abort()
        closes[str(line.close_code)] = closes.get(str(line.close_code), 0) + 1
    report = healthy.report()
    healthy.line.say(type="bye")
    after = await settled_footprint(server)
    return {
        "messages": sent,
        "close_codes": closes,
        "healthy": report,
        "before": before,
        "after": after,
        "alive": server.alive,
    }


def send_nonsense(line: Line, rng: random.Random) -> None:
    kind = rng.choices(range(7), weights=(20, 1, 25, 25, 20, 1, 8))[0]
    if kind == 0:
        line.send(BINARY, rng.randbytes(rng.randrange(0, 300)))
    elif kind == 1:
        line.send(TEXT, rng.randbytes(rng.randrange(0, 300)))  # not UTF-8: the WebSocket itself ends
    elif kind == 2:
        line.send(TEXT, json.dumps(_random_json(rng, 3)).encode())
    elif kind == 3:
        kinds = [
            "text",
            "mute",
            "resume",
            "hello",
            "stats",
            "graph",
            "playout",
            "truncate",
            "settings",
            "history",
            "ping",
        ]
        body = {"type": rng.choice(kinds), **{rng.choice(_KEYS): _random_json(rng, 2) for _ in range(3)}}
        line.send(TEXT, json.dumps(body).encode())
    elif kind == 4:
        line.send(BINARY, struct.pack("<BBHIII", rng.choice([0, 1, 1, 2]), 255, 9, rng.getrandbits(32), 7, rng.getrandbits(32))
                  + rng.randbytes(rng.randrange(0, 2000)))  # fmt: skip
    elif kind == 5:
        assert line.transport is not None
        line.transport.write(rng.randbytes(rng.randrange(1, 30)))  # not even WebSocket
    else:
        line.send(TEXT, b"[" * rng.randrange(1, 60_000))


_KEYS = (
    "on",
    "text",
    "interval_ms",
    "seq",
    "generation",
    "played_ms",
    "state",
    "name",
    "messages",
    "rate",
    "turn_id",
    "token",
)


def _random_json(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(8 if depth else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.randrange(-(10**20), 10**20)
    if kind == 2:
        return rng.choice([1e308, -0.5, 1e-300])
    if kind in (3, 4, 5):
        return "".join(
            chr(rng.choice([rng.randrange(32, 127), rng.randrange(0x4E00, 0x9FFF), 0xD800, 0]))
            for _ in range(rng.randrange(12))
        )
    if kind == 6:
        return [_random_json(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice(_KEYS): _random_json(rng, depth - 1) for _ in range(rng.randrange(4))}
