"""A WebSocket client that costs almost nothing, so that what is measured is the server.

Frames are masked with zeros, which is legal and leaves them as they are.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
ZERO_MASK = bytes(4)
MIC_HEADER = struct.Struct("<BBHIII")

OnFrame = Callable[[int, bytes], None]


class Line(asyncio.Protocol):
    """`on_frame(opcode, payload)` gets text and binary frames; pings are answered."""

    def __init__(self, path: str = "/v1/talk") -> None:
        self._path = path
        self.on_frame: OnFrame = lambda _opcode, _payload: None
        self.transport: asyncio.Transport | None = None
        self.opened = asyncio.get_running_loop().create_future()
        self.closed = asyncio.get_running_loop().create_future()
        self.close_code: int | None = None
        self.answers_pings = True
        self.seq = 0
        self.position = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        host = transport.get_extra_info("peername")
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{host[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.opened.done():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            self.opened.set_result(head.startswith(b"HTTP/1.1 101"))
        self._parse()

    def _parse(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            opcode, length, start = buffer[at] & 15, buffer[at + 1] & 127, at + 2
            if length == 126:
                if len(buffer) - at < 4:
                    break
                length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                if len(buffer) - at < 10:
                    break
                length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if len(buffer) - start < length:
                break
            payload = buffer[start : start + length]
            at = start + length
            self._take(opcode, payload)
        self._buffer = buffer[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode in (TEXT, BINARY):
            self.on_frame(opcode, payload)
        elif opcode == PING and self.answers_pings:
            self.send(PONG, payload)
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self.send(CLOSE, payload[:2])
            assert self.transport is not None
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_result(False)
        if not self.closed.done():
            self.closed.set_result(None)

    # --- sending ------------------------------------------------------------------------------------------------------

    def send(self, opcode: int, payload: bytes) -> None:
        assert self.transport is not None
        length = len(payload)
        if length < 126:
            head = bytes((0x80 | opcode, 0x80 | length))
        elif length < 65_536:
            head = bytes((0x80 | opcode, 0x80 | 126)) + length.to_bytes(2, "big")
        else:
            head = bytes((0x80 | opcode, 0x80 | 127)) + length.to_bytes(8, "big")
        self.transport.write(head + ZERO_MASK + payload)

    def say(self, **message: Any) -> None:
        self.send(TEXT, json.dumps(message).encode())

    def send_sound(self, pcm: bytes) -> None:
        self.seq += 1
        self.send(BINARY, MIC_HEADER.pack(1, 0, 0, self.seq, 0, self.position) + pcm)
        self.position += len(pcm) // 2

    def close(self) -> None:
        self.send(CLOSE, (1000).to_bytes(2, "big"))

    def abort(self) -> None:
        assert self.transport is not None
        self.transport.abort()


async def dial(port: int, path: str = "/v1/talk", receive_buffer_bytes: int = 0) -> Line:
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if (
        receive_buffer_bytes
    ):  # before connecting: a window that shrinks later makes the kernel drop acknowledgements too
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    _, line = await loop.create_connection(lambda: Line(path), sock=sock)
    if not await line.opened:
        raise ConnectionError("the server refused the WebSocket")
    return line


async def begin(port: int, path: str = "/v1/talk", receive_buffer_bytes: int = 0) -> tuple[Line, dict[str, Any]]:
    """A conversation: the line and its `ready`."""
    line = await dial(port, path, receive_buffer_bytes)
    first = asyncio.get_running_loop().create_future()

    def take(opcode: int, payload: bytes) -> None:
        if opcode == TEXT and not first.done():
            first.set_result(json.loads(payload))

    line.on_frame = take
    line.say(type="hello", protocol=1, client="bench")
    ready = await asyncio.wait_for(first, 30)
    if ready["type"] != "ready":
        raise ConnectionError(f"no conversation: {ready}")
    return line, ready
