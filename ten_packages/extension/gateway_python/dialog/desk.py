"""Conversations by `sessionId`: each question is one exchange, and what is typed is remembered like what is said."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stream_talk import clock
from stream_talk.wire.dialog import ChatRequest, conversation_of, shapes_at, word_count
from stream_talk.wire.talk import CloseReason

from ..client_port import PortTraits, ReplyFrame
from ..gateway import Gateway
from ..session import Session
from .outputs import Outputs

RESPONSE_DEADLINE_MS = 30_000.0
_LAST_PAUSE_MS = 160.0  # silence at the end of a reply has no mouth shape
_VISEMES_GRACE_MS = 300.0
_READ_GRACE_MS = 5_000.0  # the conversation says itself that a reply that was read is over; it may be busy
_KEPT_VISEMES = 2_000


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
    visemes: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT_VISEMES))
    _visemes_of: str = ""

    def on_audio(self, frame: ReplyFrame) -> None:
        # Without an output socket nobody listens: the reply is text alone.
        if not self.outputs.is_attached(self.session_key):
            return
        if frame.is_first:
            self.outputs.begin(self.session_key)
        per_ms = self.traits.output_rate_hz / 1000
        visemes = self.visemes if frame.request_id == self._visemes_of else ()
        shapes = shapes_at(visemes, frame.position / per_ms, max(1.0, frame.samples / per_ms))
        self.outputs.sound(self.session_key, frame.pcm, viseme=shapes)

    def on_message(self, message: Mapping[str, Any]) -> None:
        if message.get("type") == "viseme":
            self._keep_visemes(message)
        if self.listener is not None:
            self.listener.put_nowait(message)
        ended = message.get("type") == "audio_end" and message.get("reason") == "finished"
        if ended and self.outputs.is_attached(self.session_key):
            self.outputs.control(self.session_key, "END")

    def _keep_visemes(self, message: Mapping[str, Any]) -> None:
        if message.get("request_id") != self._visemes_of:
            self._visemes_of = str(message.get("request_id"))
            self.visemes.clear()
        self.visemes.extend(message.get("visemes") or [])

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        if action == "cut" and self.outputs.is_attached(self.session_key):
            self.outputs.stop(self.session_key)

    def on_closed(self, reason: CloseReason, text: str) -> None:
        if self.listener is not None:
            self.listener.put_nowait({"type": "closed", "text": text or reason.code})


@dataclass(slots=True)
class _Progress:
    """Of one reply. Its visemes come after its sound has been made: on the longer way, past the conversation's own account."""

    until_ms: float
    is_listened_to: bool
    _text_done: bool = False
    _is_over: bool = False
    _speech_ms: float | None = None
    _visemes_ms: float = 0.0

    @property
    def is_done(self) -> bool:
        # A reply that nobody listens to is over as soon as all of it is there; one that sounds is not waited for.
        complete = self._speech_ms is not None and self._visemes_ms >= self._speech_ms - _LAST_PAUSE_MS
        return self._text_done and (self._is_over or (self.is_listened_to and complete))

    @property
    def only_visemes_are_missing(self) -> bool:
        return self._text_done and self._speech_ms is not None

    def note(self, message: Mapping[str, Any], now_ms: float) -> None:
        kind = message.get("type")
        if kind == "assistant_text" and not message.get("reasoning"):
            self._text_done = self._text_done or bool(message.get("final"))
        elif kind == "viseme":
            ends = [v["start_ms"] + v["duration_ms"] for v in message.get("visemes") or []]
            self._visemes_ms = max([self._visemes_ms, *ends])
        elif kind == "state" and self._text_done:
            self._is_over = message.get("state") in ("idle", "listening")
        elif kind == "synthesis_end":
            self._speech_ms = float(message.get("total_ms") or 0.0)
        if self.only_visemes_are_missing:
            grace_ms = _VISEMES_GRACE_MS if self.is_listened_to else _READ_GRACE_MS
            self.until_ms = min(self.until_ms, now_ms + grace_ms)


class DialogDesk:
    def __init__(self, gateway: Gateway) -> None:
        self.outputs = Outputs()
        self._gateway = gateway
        self._ports: dict[str, DialogPort] = {}

    async def ask(self, asked: ChatRequest, stats: Stats) -> AsyncIterator[Mapping[str, Any]]:
        """Messages of the reply, until its text and its speech are made. Closing the iterator stops the reply."""
        port = await self._port(asked.session_id)
        async with port.turn:
            session = port.session
            assert session is not None
            # A reader has read the reply when it is there; only a listener takes as long as it sounds.
            session.output.is_paced = self.outputs.is_attached(asked.session_id)
            port.listener = asyncio.Queue()
            finished = False
            try:
                wishes = {"lang": asked.language, "instructions": asked.instructions}
                settings = {name: wish for name, wish in wishes.items() if wish}
                if settings:
                    await session.send_event({"type": "settings", **settings})
                await session.send_event({"type": "text", "text": asked.content})
                async for message in self._reply(port.listener, stats, session.output.is_paced):
                    yield message
                finished = True
            finally:
                port.listener = None
                if not finished and session.closed is None:
                    # Not awaited: the caller may be in the middle of being cancelled.
                    self._gateway.soon(lambda: session.send_event({"type": "cancel_response"}))

    async def _reply(
        self, inbox: asyncio.Queue[Mapping[str, Any]], stats: Stats, is_listened_to: bool
    ) -> AsyncIterator[Mapping[str, Any]]:
        progress = _Progress(stats.asked_ms + RESPONSE_DEADLINE_MS, is_listened_to)
        while not progress.is_done:
            left_ms = progress.until_ms - clock.now_ms()
            try:
                message = await asyncio.wait_for(inbox.get(), max(0.0, left_ms) / 1000)
            except asyncio.TimeoutError:
                if progress.only_visemes_are_missing:
                    return
                raise ChatFailed("no answer in time") from None
            if message.get("type") == "closed":
                raise ChatFailed(str(message["text"]))
            if message.get("type") == "assistant_text" and not message.get("reasoning"):
                stats.note(str(message.get("delta") or ""))
            progress.note(message, clock.now_ms())
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
        port.session = await self._gateway.open_session(port, None, {"conversation": conversation_of(session_key)})
        self._ports = {key: p for key, p in self._ports.items() if p.session is not None and p.session.closed is None}
        self._ports[session_key] = port
        return port
