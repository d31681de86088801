"""One WebSocket of one client: bounded sending, and an end that is told to the client whenever it can still hear it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from .outbox import Outbox, Outgoing
from .websocket import line_of

LAST_WORDS_TIMEOUT_S = 5.0


class ClientSocket:
    """Sending never waits. `run_writer` does the writing; `finish` says last words and closes."""

    def __init__(self, websocket: WebSocket, max_bytes: int, on_slow: Callable[[], None]) -> None:
        self.websocket = websocket
        self.is_finished = False
        self._line = line_of(websocket)
        self.outbox = Outbox(max_bytes, on_slow, self._line.write_now if self._line is not None else None)
        self._said_goodbye = False
        self._close_code = 1000
        self._close_reason = ""
        self._hang_up_timer: asyncio.TimerHandle | None = None

    def send_text(self, text: str) -> None:
        self.outbox.put(Outgoing(text))

    def send_sound(self, payload: bytes | str, generation: int) -> None:
        self.outbox.put(Outgoing(payload, generation))

    def finish(
        self, close_code: int, reason: str, last_words: str | None = None, patience_s: float = LAST_WORDS_TIMEOUT_S
    ) -> None:
        """Write what waits, then `last_words`, then close; hang up on a client that does not read them in time."""
        if self.is_finished:
            return
        self.is_finished = True
        self._close_code, self._close_reason = close_code, reason
        if last_words is not None:
            self.send_text(last_words)
        self.outbox.close()
        self._hang_up_timer = asyncio.get_running_loop().call_later(patience_s, self._hang_up)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.hang_up()

    async def run_writer(self) -> None:
        """Until `finish`, or until the client is gone."""
        try:
            await self.outbox.run(self._write)
            if self.is_finished:
                await self.websocket.close(self._close_code, self._close_reason)
                self._said_goodbye = True
        except (WebSocketDisconnect, RuntimeError, OSError):
            # Starlette says RuntimeError when the other side closed first: the reader has seen that too.
            return

    async def _write(self, payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            await self.websocket.send({"type": "websocket.send", "bytes": payload})
        else:
            await self.websocket.send({"type": "websocket.send", "text": payload})

    async def receive(self) -> str | bytes | None:
        """The next message; None when the client is gone."""
        # The line itself saves three coroutines per frame; its messages are the same.
        event = await (self._line.receive() if self._line is not None else self.websocket.receive())
        if event["type"] == "websocket.disconnect":
            return None
        data = event.get("bytes")
        return data if data is not None else event.get("text", "")

    async def wait_closed(self, writer: asyncio.Task[None]) -> None:
        """After the reader has ended. Last words that are on their way get their time, otherwise the line is dropped now."""
        self.outbox.close()
        with contextlib.suppress(asyncio.CancelledError, asyncio.TimeoutError):
            await asyncio.wait_for(writer, LAST_WORDS_TIMEOUT_S)
        if self._hang_up_timer is None or not self._said_goodbye:
            self._hang_up()
            if self._hang_up_timer is not None:
                self._hang_up_timer.cancel()
