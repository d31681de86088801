"""`WS /ws`: RealtimeVoiceChat's browser page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_talk.wire import realvoicechat as wire
from stream_talk.wire.talk import CloseReason

from ..client_port import PortTraits, ReplyFrame
from ..client_socket import ClientSocket
from .plain_shell import PlainShell

# The page plays what it has and takes an underrun for the end of the reply: a comfortable lead.
TRAITS = PortTraits(
    "realvoicechat", wire.SAMPLE_RATE_HZ, wire.SAMPLE_RATE_HZ, frame_ms=40, lead_ms=320, reports_playout=False
)


class RealtimeVoiceChatPort:
    def __init__(self, socket: ClientSocket) -> None:
        self.traits = TRAITS
        self._socket = socket
        self._view = wire.PageView()

    def on_audio(self, frame: ReplyFrame) -> None:
        for text in self._view.on_sound(frame.pcm):
            self._socket.send_sound(text, frame.generation)

    def on_message(self, message: Mapping[str, Any]) -> None:
        self._send(self._view.on_message(message))

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        if action == "cut":
            self._socket.outbox.drop_sound(generation)
            self._send(self._view.on_cut(generation))

    def on_closed(self, reason: CloseReason, text: str) -> None:
        self._socket.finish(1000 if reason is CloseReason.CLIENT else 1001, reason.code)

    def _send(self, texts: list[str]) -> None:
        for text in texts:
            self._socket.send_text(text)


class RealtimeVoiceChatShell(PlainShell):
    def make_port(self) -> RealtimeVoiceChatPort:
        return RealtimeVoiceChatPort(self.socket)

    async def handle(self, data: str | bytes) -> None:
        assert self.session is not None
        received = wire.parse_bytes(data) if isinstance(data, bytes) else wire.parse_text(data)
        if isinstance(received, wire.Microphone):
            await self.hear(received.pcm)
        elif isinstance(received, wire.ClearHistory):
            await self.session.send_event({"type": "clear"})
        elif isinstance(received, wire.SetSpeed):
            await self.session.send_event({"type": "settings", "patience": received.patience})
