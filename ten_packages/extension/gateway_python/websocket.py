"""uvicorn's WebSocket protocol, tuned for many small frames of sound, and able to hang up on somebody who does not read."""

from __future__ import annotations

import socket
from typing import Any

from starlette.websockets import WebSocket
from stream_talk.wire.realtime.requests import MAX_MESSAGE_BYTES as MAX_REALTIME_BYTES
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

LINE_EXTENSION = "stream_talk.line"
READ_AHEAD_MESSAGES = 32
READ_AHEAD_BYTES = 65_536  # of one message: after a longer one, nothing more is read until it is dealt with
MAX_MESSAGE_BYTES = 1 << 20
MAX_BYTES_OF_PATH = {"/v1/realtime": MAX_REALTIME_BYTES}
"""Programs append whole recordings there."""
LINGER_S = 5.0
SEND_BUFFER_BYTES = 32_768
_TEXT, _BINARY = 0x81, 0x82  # opcode with the bit that says: the whole message is in this frame


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
            self.conn.max_message_size = MAX_BYTES_OF_PATH.get(self.scope["path"], MAX_MESSAGE_BYTES)
            self.scope["extensions"][LINE_EXTENSION] = {"line": self}  # type: ignore[index]

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # refused, which the base would log as a fault of ours

    def send_receive_event_to_app(self) -> None:
        # The base pauses unless it believes that it already has.
        is_long = sum(map(len, self.frames)) > READ_AHEAD_BYTES
        reading_on = self.queue.qsize() < READ_AHEAD_MESSAGES and not self.read_paused and not is_long
        if reading_on:
            self.read_paused = True
        super().send_receive_event_to_app()
        if reading_on:
            self.read_paused = False

    def write_now(self, payload: str | bytes) -> bool:
        """Write one message in this iteration of the loop, past all tasks. False when it would have to wait, or cannot be written."""
        if not self.writable.is_set() or self.close_sent or self.disconnected or self.conn.state is not State.OPEN:
            return False
        if isinstance(payload, str):
            payload, opcode = payload.encode(), _TEXT
        else:
            opcode = _BINARY
        length = len(payload)
        if length < 126:
            head = bytes((opcode, length))
        elif length < 65_536:
            head = bytes((opcode, 126)) + length.to_bytes(2, "big")
        else:
            head = bytes((opcode, 127)) + length.to_bytes(8, "big")
        self.transport.write(head + payload)
        return True

    def hang_up(self) -> None:
        """Drop the connection without waiting for the other side to read what is left."""
        self.transport.abort()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # A line that went dead never drains, and closing waits for that.
        self.loop.call_later(LINGER_S, self.transport.abort)


def line_of(websocket: WebSocket) -> VoiceWebSocketProtocol | None:
    """The protocol under a WebSocket; None when the application runs on another server."""
    extension = websocket.scope.get("extensions", {}).get(LINE_EXTENSION)
    return None if extension is None else extension["line"]
