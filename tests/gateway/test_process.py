"""The gateway as a person starts it: a process of its own, real graphs on the runtime, told to end by a signal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
from typing import Any

import pytest

from bench.gateway_load import faults, measures
from bench.gateway_load.line import BINARY, TEXT, Line, begin
from bench.gateway_load.server import ROOT, GatewayProcess


class Ear:
    def __init__(self, line: Line) -> None:
        self.samples = 0
        self.in_order = True
        self.messages: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        line.on_frame = self._take

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == BINARY:
            position, first = struct.unpack_from("<Ih", payload, 12)
            self.in_order &= position == self.samples and first == position % 2000 * 8 + 1
            self.samples += (len(payload) - 16) // 2
        elif opcode == TEXT:
            self.messages.append(json.loads(payload))
        self._news.set()

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            found = next((m for m in self.messages if m["type"] == kind), None)
            if found is not None:
                return found
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 10)


def test_a_conversation_through_the_runtime_with_its_live_graph():
    async def scenario(server: GatewayProcess) -> None:
        line, _ = await begin(server.port)
        ear = Ear(line)
        line.send_sound(measures.MARKED_FRAME)
        ended = await ear.until("audio_end")
        assert ended["total_ms"] == 40 and ear.samples == 960 and ear.in_order
        line.say(type="stats", on=True)
        stats = await ear.until("stats")
        nodes = {node["name"]: node for node in stats["graph"]["nodes"]}
        assert set(nodes) == {"vad", "talker"} and nodes["vad"]["handled"] >= 1
        way_in = next(e for e in stats["graph"]["edges"] if e["from"] == "client" and e["name"] == "pcm_frame")
        assert way_in["to"] == "vad" and way_in["count"] == 1
        line.say(type="graph", name="loopback")
        await ear.until("error")
        line.say(type="bye")
        await line.closed
        assert line.close_code == 1000

    with GatewayProcess("listening") as server:
        asyncio.run(scenario(server))


def test_sigterm_lets_the_sentence_end_and_closes_with_a_reason():
    async def scenario(server: GatewayProcess) -> None:
        line, _ = await begin(server.port)
        ear = Ear(line)
        line.say(type="text", text="1500")
        await ear.until("audio_start")
        os.kill(server.pid, signal.SIGTERM)
        await ear.until("bye")
        assert ear.samples == 36_000 and ear.in_order
        await line.closed
        assert line.close_code == 1001

    with GatewayProcess("loopback") as server:
        asyncio.run(scenario(server))


def test_the_log_knows_sessions_and_turns_but_neither_words_nor_secrets():
    async def scenario(server: GatewayProcess) -> str:
        line, ready = await begin(server.port, path="/v1/talk?token=house-secret")
        ear = Ear(line)
        line.say(type="text", text="my password is rosebud")
        await ear.until("audio_start")
        line.say(type="bye")
        await line.closed
        return f"{ready['session_id']}|{ready['resume_token']}"

    with GatewayProcess("embedded", ROOT / "graphs", log_level="info", token="house-secret") as server:
        session_id, resume_token = asyncio.run(scenario(server)).split("|")
        log = server.log()
    assert f"correlationId={session_id}#" in log
    assert all(secret not in log for secret in ("rosebud", "house-secret", resume_token))


@pytest.mark.slow
def test_clients_that_vanish_leave_no_graph_task_or_socket():
    """bench sessions --rows vanish does it five thousand times, and looks at memory too."""

    async def scenario(server: GatewayProcess) -> None:
        await faults._vanish(server, 60, 8)
        left = await faults.settled_footprint(server)
        assert left["sessions"] == 0 and left["graphs"] == 1
        empty = server.footprint()
        await faults._vanish(server, 60, 8)
        again = await faults.settled_footprint(server)
        assert again["tasks"] == empty["tasks"] and again["open_files"] <= empty["open_files"] + 1

    with GatewayProcess("loopback", resume_window_ms=200, ping_interval_s=0.5, ping_timeout_s=0.5) as server:
        asyncio.run(scenario(server))
