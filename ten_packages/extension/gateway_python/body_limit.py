"""How much a request may bring, and how long that may take. An ASGI middleware."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from stream_talk import clock

MIB = 1 << 20
MAX_BODY_BYTES = 1 * MIB
MAX_BODY_BYTES_OF_PATH = {
    "/v1/audio/transcriptions": 26 * MIB,  # 25 MiB of sound, and the form around it
    "/chat/audio": 8 * MIB,
    "/chat/audio/stream": 8 * MIB,
}
BODY_TIMEOUT_S = 60.0
_DISCARDED_LIMITS = 8
_HANG_UP = {"Connection": "close"}  # what is still on its way is not waited for


class BodyLimit:
    """What is too long is refused by its announced length where there is one, otherwise as soon as it is noticed."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = MAX_BODY_BYTES_OF_PATH.get(scope["path"], MAX_BODY_BYTES)
        body = _Body(receive, limit)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        body.too_long = announced.isdigit() and int(announced) > limit
        await self._app(scope, body.receive, send)


class _Body:
    def __init__(self, receive: Any, limit: int) -> None:
        self.too_long = False
        self._receive = receive
        self._limit = limit
        self._got = 0
        self._complete = False
        self._deadline_ms: float | None = None

    async def receive(self) -> Any:
        if self._complete:
            return await self._receive()  # the client's going away is waited for as long as it stays
        if self.too_long:
            await self._discard()
            raise HTTPException(413, f"a request here has at most {self._limit} bytes", _HANG_UP)
        message = await self._next()
        self.too_long = self._got > self._limit
        return await self.receive() if self.too_long else message

    async def _next(self) -> Any:
        now_ms = clock.now_ms()
        if self._deadline_ms is None:
            self._deadline_ms = now_ms + BODY_TIMEOUT_S * 1000
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline_ms - now_ms) / 1000)
        except asyncio.TimeoutError:
            raise HTTPException(408, "the request did not arrive in time", _HANG_UP) from None
        self._got += len(message.get("body", b""))
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def _discard(self) -> None:
        """Most clients read the answer only when they have sent everything; one that sends without end does not get one."""
        while not self._complete and self._got < _DISCARDED_LIMITS * self._limit:
            await self._next()
