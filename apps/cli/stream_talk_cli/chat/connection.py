"""The socket around `protocol.Talk`: connects, comes back after a break, and says in plain words why it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
from collections.abc import Callable
from typing import Any

from stream_talk import clock
from stream_talk.wire.frames import AudioFrame
from stream_talk.wire.talk import SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from stream_talk_cli.chat.protocol import NEW_SESSION, STOPS, Talk, backoff_ms
from stream_talk_cli.errors import CommandError

OPEN_TIMEOUT_S = 10.0
FAREWELL_TIMEOUT_S = 2.0
ATTEMPTS_BEFORE_FIRST = 1
ATTEMPTS_AFTER_BREAK = 12

Listener = Callable[[dict[str, Any] | AudioFrame], None]


class Connection:
    """`run` lasts as long as the conversation. `on_item` hears every new message and frame, `on_line` what becomes of the line."""

    def __init__(self, url: str, token: str, talk: Talk, *, on_item: Listener, on_line: Callable[[str], None]) -> None:
        self.url = url
        self.talk = talk
        self._token = token
        self._on_item = on_item
        self._on_line = on_line
        self._socket: ClientConnection | None = None
        self._closing = False
        self._retry_after_ms: float | None = None
        self._farewell = ""
        self._random = random.Random()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        attempt = 0
        was_open = False
        while not self._closing:
            code = await self._try_once(was_open, attempt)
            was_open = was_open or self.ready.is_set()
            attempt = 0 if self.ready.is_set() else attempt + 1
            self.ready.clear()
            if self._closing or code in STOPS:
                break
            if code in NEW_SESSION:
                self.talk.begin_anew()
            await self._wait_before(attempt)
        if not self._closing and self._farewell:
            raise CommandError(self._farewell)

    async def _try_once(self, was_open: bool, attempt: int) -> int | None:
        """One connection, from the handshake to its end. Returns the close code; None when it never came about."""
        protocols = [Subprotocol(SUBPROTOCOL)]
        if self._token:
            protocols.append(Subprotocol(TOKEN_SUBPROTOCOL_PREFIX + self._token))
        try:
            async with connect(
                self.url, subprotocols=protocols, compression=None, open_timeout=OPEN_TIMEOUT_S
            ) as socket:
                self._socket = socket
                with contextlib.suppress(ConnectionClosed):  # a server that has no room says so before it listens
                    await socket.send(json.dumps(self.talk.opening()))
                await self._listen(socket)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        except InvalidStatus as refused:
            raise CommandError(_refusal(self.url, refused.response.status_code)) from None
        except ssl.SSLCertVerificationError:
            raise CommandError(
                f"the certificate of {self.url} is not trusted here: set SSL_CERT_FILE to a copy of it"
            ) from None
        except (OSError, InvalidHandshake, asyncio.TimeoutError) as failure:
            self._farewell = self._farewell or "No server answers."
            if attempt >= (ATTEMPTS_AFTER_BREAK if was_open else ATTEMPTS_BEFORE_FIRST):
                raise CommandError(
                    f"no server answers at {self.url} ({failure}): start one with `stream-talk run`, or name another with --url"
                ) from None
            return None
        finally:
            self._socket = None
        return socket.close_code

    async def _listen(self, socket: ClientConnection) -> None:
        async for data in socket:
            item = self.talk.receive(data)
            if item is None:
                continue
            if isinstance(item, dict):
                self._notice(item)
                if item["type"] == "ready":
                    await self._welcome(socket, item)
            self._on_item(item)

    async def _welcome(self, socket: ClientConnection, ready: dict[str, Any]) -> None:
        for frame in self.talk.microphone.after(int(ready.get("input_seq", 0))):
            await socket.send(frame.encode())
        self.ready.set()

    def _notice(self, message: dict[str, Any]) -> None:
        if message["type"] == "bye" or (message["type"] == "error" and message.get("fatal")):
            self._farewell = str(message.get("text") or message.get("reason") or message.get("code"))
            self._retry_after_ms = message.get("retry_after_ms")

    async def _wait_before(self, attempt: int) -> None:
        asked_ms, self._retry_after_ms = self._retry_after_ms, None
        wait_ms = asked_ms if asked_ms is not None else backoff_ms(attempt, self._random)
        why = f"{self._farewell} " if self._farewell else ""
        self._farewell = ""
        self._on_line(f"{why}Reconnecting in {wait_ms / 1000:.1f} s.")
        await clock.sleep_ms(wait_ms)

    async def send(self, message: dict[str, Any]) -> bool:
        if self._socket is None or not self.ready.is_set():
            return False
        try:
            await self._socket.send(json.dumps(message))
        except ConnectionClosed:
            return False
        return True

    async def send_sound(self, pcm: bytes) -> None:
        frame = self.talk.microphone.frame(pcm)
        if self._socket is None or not self.ready.is_set():
            return  # kept: it goes up when the line is back
        try:
            await self._socket.send(frame.encode())
        except ConnectionClosed:
            return

    async def close(self) -> None:
        self._closing = True
        socket = self._socket
        if await self.send({"type": "bye"}) and socket is not None:
            # The server closes once it has read everything; closing first could lose what was said last.
            closed = asyncio.ensure_future(socket.wait_closed())
            await asyncio.wait({closed}, timeout=FAREWELL_TIMEOUT_S)
        if socket is not None:
            await socket.close()


def _refusal(url: str, status: int) -> str:
    if status in (401, 403):
        return f"{url} asks for a token: give it with --token, or in STREAM_TALK_TOKEN"
    if status == 503:
        return f"{url} has no room for another conversation: try again in a moment"
    return f"{url} answers {status} instead of talking: is this a Stream-Talk server?"
