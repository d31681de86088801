"""TEN's `websocket_server`, for its examples and playground."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_talk import clock
from stream_talk.wire import ten_websocket as wire
from stream_talk.wire.talk import CloseReason

from ..client_port import PortTraits, ReplyFrame
from ..client_socket import ClientSocket
from .plain_shell import PlainShell

# Its clients cannot drop what they have received: the lead is what goes on sounding after an interruption.
TRAITS = PortTraits(
    "ten", wire.SAMPLE_RATE_HZ, wire.SAMPLE_RATE_HZ, frame_ms=40, lead_ms=160, reports_playout=False, can_flush=False
)


class TenWebsocketPort:
    def __init__(self, socket: ClientSocket) -> None:
        self.traits = TRAITS
        self._socket = socket

    def on_audio(self, frame: ReplyFrame) -> None:
        self._socket.send_sound(wire.sound(frame.pcm, {}), frame.generation)

    def on_message(self, message: Mapping[str, Any]) -> None:
        text = wire.text_data(message, clock.epoch_ms())
        if text is not None:
            self._socket.send_text(text)
        elif message.get("type") == "error":
            self._socket.send_text(wire.error(f"Server error: {message.get('message', 'unknown')}"))

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        if action == "cut":
            self._socket.outbox.drop_sound(generation)

    def on_closed(self, reason: CloseReason, text: str) -> None:
        words = None if reason is CloseReason.CLIENT else wire.error(f"Server error: {text or reason.code}")
        self._socket.finish(1000 if reason is CloseReason.CLIENT else 1001, reason.code, words)


class TenWebsocketShell(PlainShell):
    def make_port(self) -> TenWebsocketPort:
        return TenWebsocketPort(self.socket)

    def cannot_begin(self, text: str) -> str:
        return wire.error(f"Server error: {text}")

    async def handle(self, data: str | bytes) -> None:
        try:
            received = wire.parse(data)
        except wire.BadTenMessage as bad:
            self.gateway.metrics.bad_messages.labels("ten").inc()
            self.socket.send_text(wire.error(str(bad)))
            return
        await self.hear(received.pcm)
