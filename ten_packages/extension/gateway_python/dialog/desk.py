"""Conversations by `sessionId`: each question is one exchange, and what is typed is remembered like what is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stream_talk import clock
from stream_talk.wire.dialog import word_count
from stream_talk.wire.talk import CloseReason

from ..client_port import PortTraits, ReplyFrame
from ..gateway import Gateway
from ..session import Session
from .outputs import Outputs

RESPONSE_DEADLINE_MS = 30_000.0


class ChatFailed(RuntimeError):
    """The conversation could not answer; the text says why."""


@dataclass(slots=True)
class Stats:
    """Of one question; nothing is shared between requests."""

    asked_ms: float
    ttft_ms: float | None = None
    text: str = ""

    def note(self, delta: str) -> None:
        if self.ttft_ms is None:
            self.ttft_ms = clock.now_ms() - self.asked_ms
        self.text += delta

    def body(self) -> dict[str, Any]:
        return {"ttft_ms": round(self.ttft_ms or 0.0, 1), "tokens": word_count(self.text)}


@dataclass(slots=True)
class DialogPort:
    """`ClientPort` of a conversation that is held over HTTP."""

    session_key: str
    outputs: Outputs
    traits: PortTraits = field(
        default_factory=lambda: PortTraits(
            "dialog", output_rate_hz=24_000, frame_ms=40, lead_ms=200, reports_playout=False, is_greeted=False,
            wants_synthesis_end=True,
        )
    )  # fmt: skip
    session: Session | None = None
    listener: asyncio.Queue[Mapping[str, Any]] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def on_audio(self, frame: ReplyFrame) -> None:
        # Without an output socket nobody listens: the reply is text alone.
        if not self.outputs.is_attached(self.session_key):
            return
        if frame.is_first:
            self.outputs.begin(self.session_key)
        self.outputs.sound(self.session_key, frame.pcm)

    def on_message(self, message: Mapping[str, Any]) -> None:
        if self.listener is not None:
            self.listener.put_nowait(message)
        ended = message.get("type") == "audio_end" and message.get("reason") == "finished"
        if ended and self.outputs.is_attached(self.session_key):
            self.outputs.control(self.session_key, "END")

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        if action == "cut" and self.outputs.is_attached(self.session_key):
            self.outputs.stop(self.session_key)

    def on_closed(self, reason: CloseReason, text: str) -> None:
        if self.listener is not None:
            self.listener.put_nowait({"type": "closed", "text": text or reason.code})


class DialogDesk:
    def __init__(self, gateway: Gateway) -> None:
        self.outputs = Outputs()
        self._gateway = gateway
        self._ports: dict[str, DialogPort] = {}

    async def ask(self, session_key: str, text: str, language: str, stats: Stats) -> AsyncIterator[Mapping[str, Any]]:
        """Messages of the reply, until its text and its speech are made. Closing the iterator stops the reply."""
        port = await self._port(session_key)
        async with port.turn:
            session = port.session
            assert session is not None
            port.listener = asyncio.Queue()
            finished = False
            try:
                if language:
                    await session.send_event({"type": "settings", "lang": language})
                await session.send_event({"type": "text", "text": text})
                async for message in self._reply(port.listener, stats):
                    yield message
                finished = True
            finally:
                port.listener = None
                if not finished and session.closed is None:
                    await session.send_event({"type": "cancel_response"})

    async def _reply(self, inbox: asyncio.Queue[Mapping[str, Any]], stats: Stats) -> AsyncIterator[Mapping[str, Any]]:
        text_done = speech_done = False
        while not (text_done and speech_done):
            left_ms = RESPONSE_DEADLINE_MS - (clock.now_ms() - stats.asked_ms)
            try:
                message = await asyncio.wait_for(inbox.get(), max(0.0, left_ms) / 1000)
            except asyncio.TimeoutError:
                raise ChatFailed("no answer in time") from None
            kind = message.get("type")
            if kind == "closed":
                raise ChatFailed(str(message["text"]))
            if kind == "assistant_text" and not message.get("reasoning"):
                stats.note(str(message.get("delta") or ""))
                text_done = text_done or bool(message.get("final"))
            elif kind == "synthesis_end" or (
                kind == "state" and text_done and message.get("state") in ("idle", "listening")
            ):
                speech_done = True
            yield message

    async def stop(self, session_key: str) -> bool:
        """False when there is nothing under that name."""
        port = self._ports.get(session_key)
        self.outputs.stop(session_key)
        if port is None or port.session is None:
            return False
        port.session.stop_sound()
        await port.session.send_event({"type": "stop"})
        return True

    async def _port(self, session_key: str) -> DialogPort:
        port = self._ports.get(session_key)
        if port is not None and port.session is not None and port.session.closed is None:
            return port
        port = DialogPort(session_key, self.outputs)
        port.session = await self._gateway.open_session(port)
        self._ports = {key: p for key, p in self._ports.items() if p.session is not None and p.session.closed is None}
        self._ports[session_key] = port
        return port
