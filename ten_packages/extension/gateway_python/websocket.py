"""uvicorn's WebSocket protocol, tuned for many small frames of sound, and able to hang up on somebody who does not read."""

from __future__ import annotations

import socket
from typing import Any

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ABORT_EXTENSION = "stream_talk.abort"
READ_AHEAD_MESSAGES = 32
LINGER_S = 5.0
SEND_BUFFER_BYTES = 32_768


class VoiceWebSocketProtocol(WebSocketsSansIOProtocol):
    """Reads ahead a little: pausing the socket after every message, as the base does, costs two system calls per 20 ms frame."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # What waits in the kernel can be neither counted nor cut: keep it to about half a second of sound.
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][ABORT_EXTENSION] = {"abort": self.transport.abort}  # type: ignore[index]

    def send_receive_event_to_app(self) -> None:
        # The base pauses unless it believes that it already has.
        reading_on = self.queue.qsize() < READ_AHEAD_MESSAGES and not self.read_paused
        if reading_on:
            self.read_paused = True
        super().send_receive_event_to_app()
        if reading_on:
            self.read_paused = False

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # A line that went dead never drains, and closing waits for that.
        self.loop.call_later(LINGER_S, self.transport.abort)


def hang_up(websocket: WebSocket) -> None:
    """Drop the connection without waiting for the other side to read what is left."""
    abort = websocket.scope.get("extensions", {}).get(ABORT_EXTENSION)
    if abort is not None:
        abort["abort"]()
