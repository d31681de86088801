"""RealtimeVoiceChat's page against `/ws`: the exchange that its code makes, recorded from its protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from typing import Any

import numpy as np
from stream_talk.wire import realvoicechat as wire

from .conftest import Server, until


class Page:
    """Does what the page's own script does with each message, including its two traps."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.log: list[tuple[str, str]] = []
        self.played = b""
        self.ignoring = False
        self.is_playing = False

    async def receive(self) -> tuple[str, str]:
        raw = await asyncio.wait_for(self.socket.recv(), 5)
        assert isinstance(raw, str), "its page knows no binary messages"
        message = json.loads(raw)
        assert set(message) == {"type", "content"} and isinstance(message["content"], str)
        kind, content = message["type"], message["content"]
        self.log.append((kind, content))
        if kind == "tts_chunk" and not self.ignoring:
            pcm = base64.b64decode(content, validate=True)
            assert pcm and len(pcm) % 2 == 0
            self.played += pcm
            if not self.is_playing:
                self.is_playing = True
                await self.send({"type": "tts_start"})
        elif kind == "stop_tts":
            self.is_playing, self.ignoring = False, True
            await self.send({"type": "tts_stop"})
        elif kind == "tts_interruption":
            self.is_playing = self.ignoring = False
        return kind, content

    async def until(self, kind: str) -> str:
        while True:
            got, content = await self.receive()
            if got == kind:
                return content

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(message))

    async def send_sound(self, samples: np.ndarray) -> None:
        header = struct.pack(">II", 0xFFFFFFF0, int(self.is_playing))
        await self.socket.send(header + samples.astype("<i2").tobytes())

    def kinds(self) -> list[str]:
        """The order of things, with runs of sound as one."""
        found: list[str] = []
        for kind, _ in self.log:
            if not (kind == "tts_chunk" and found[-1:] == ["tts_chunk"]):
                found.append(kind)
        return found


def test_the_page_talks_and_is_answered_in_its_own_order(with_server):
    async def scenario(server: Server) -> None:
        page = Page(await server.dial("/ws"))
        await until(lambda: bool(server.host.graphs))
        graph = server.host.graphs[-1]
        tone = (8000 * np.sin(np.arange(2048 * 24) * 2 * np.pi * 300 / 48000)).astype(np.int16)
        for start in range(0, len(tone), 2048):
            await page.send_sound(tone[start : start + 2048])
        graph.say("user_text", text="what", final=False)
        graph.say("user_text", text="200", final=False)
        graph.answer("200")
        await page.until("final_assistant_answer")
        assert page.kinds() == [
            "partial_user_request", "partial_user_request", "final_user_request", "partial_assistant_answer",
            "tts_chunk", "final_assistant_answer",
        ]  # fmt: skip
        assert page.log[-1][1] == "You said 200."
        assert len(page.played) // 2 == 48_000 // 5
        heard = np.frombuffer(b"".join(pcm for _, pcm in graph.sound), dtype=np.int16)
        assert abs(len(heard) - 16_384) < 100, "48 kHz became 16 kHz"
        await until(lambda: graph.reports and graph.reports[-1]["state"] == "finished")
        assert graph.reports[-1]["played_ms"] == 200

    with_server(scenario)


def test_an_interruption_comes_as_the_pair_that_leaves_the_page_able_to_play(with_server):
    async def scenario(server: Server) -> None:
        page = Page(await server.dial("/ws"))
        await until(lambda: bool(server.host.graphs))
        graph = server.host.graphs[-1]
        graph.answer("3000")
        await page.until("tts_chunk")
        graph.control("cut")
        await page.until("tts_interruption")
        assert page.kinds()[-3:] == ["final_assistant_answer", "stop_tts", "tts_interruption"]
        dropped = graph.reports[-1]
        assert dropped["state"] == "dropped" and dropped["played_ms"] < 1500, "what was sent ahead was not heard"
        before = len(page.played)
        graph.answer("100")
        await page.until("final_assistant_answer")
        assert len(page.played) - before == 2 * 4800

    with_server(scenario)


def test_a_reply_that_is_cut_before_it_sounds_is_none_of_the_pages_business(with_server):
    async def scenario(server: Server) -> None:
        page = Page(await server.dial("/ws"))
        await until(lambda: bool(server.host.graphs))
        graph = server.host.graphs[-1]
        graph._events.on_graph_data("playout_control", {"action": "cut", "generation": 5, "turn_id": 1})
        graph.say("user_text", text="hm", final=True)
        await page.until("final_user_request")
        assert page.kinds() == ["final_user_request"]

    with_server(scenario)


def test_the_last_words_come_before_a_reply_that_was_ready_for_them():
    view = wire.PageView()
    view.on_message({"type": "user_text", "text": "what", "final": False})
    view.on_message({"type": "audio_start", "generation": 1})
    assert view.on_sound(b"\1\0") == []
    told = view.on_message({"type": "user_text", "text": "what time", "final": True})
    assert [json.loads(text)["type"] for text in told] == ["final_user_request", "tts_chunk"]
    assert view.on_sound(b"\2\0"), "and then as it comes"
    view.on_message({"type": "user_text", "text": "stop", "final": False})
    assert view.on_sound(b"\3\0"), "speech during a reply holds nothing back"


def test_speed_and_clear_history_reach_the_conversation(with_server):
    async def scenario(server: Server) -> None:
        page = Page(await server.dial("/ws"))
        for message in (
            {"type": "set_speed", "speed": 25},
            {"type": "set_speed", "speed": 900},
            {"type": "clear_history"},
        ):
            await page.send(message)
        await page.socket.send("this is ignored")
        await page.socket.send(b"short")
        await page.send({"type": "set_speed", "speed": "fast"})
        await until(lambda: server.host.graphs and len(server.host.graphs[-1].client_events) >= 4)
        events = server.host.graphs[-1].client_events[1:]
        assert events == [
            {"type": "settings", "patience": 0.25}, {"type": "settings", "patience": 1.0}, {"type": "clear"},
        ]  # fmt: skip

    with_server(scenario)


def test_closing_the_page_ends_its_conversation(with_server):
    async def scenario(server: Server) -> None:
        page = Page(await server.dial("/ws"))
        await until(lambda: len(server.gateway.sessions) == 1)
        await page.socket.close()
        await until(lambda: not server.gateway.sessions)

    with_server(scenario)


def test_header_is_big_endian_and_odd_bytes_are_left_out():
    received = wire.parse_bytes(struct.pack(">II", 7, 1) + b"\x01\x02\x03")
    assert received == wire.Microphone(7, True, b"\x01\x02")
    assert wire.parse_bytes(b"\0" * 9) is None
