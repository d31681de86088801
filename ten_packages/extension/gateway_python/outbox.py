"""What waits to be written to one socket: bounded, and prunable when a reply is cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One frame. `generation` marks sound, which a cut may drop."""

    payload: str | bytes
    generation: int | None = None

    @property
    def size(self) -> int:
        return len(self.payload) if isinstance(self.payload, bytes) else len(self.payload.encode())


class Outbox:
    """`put` never waits. When more than `max_bytes` are waiting, `on_overflow` is called once and everything is dropped."""

    def __init__(
        self, max_bytes: int, on_overflow: Callable[[], None], write_now: Callable[[str | bytes], bool] | None = None
    ) -> None:
        """`write_now` writes at once when the socket has room; only what it refuses waits here."""
        self._max_bytes = max_bytes
        self._on_overflow = on_overflow
        self._write_now = write_now
        self._writing = False
        self._queue: deque[Outgoing] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self.queued_bytes = 0
        self.sent_bytes = 0
        self.high_water_bytes = 0

    def put(self, item: Outgoing) -> None:
        if self._closed:
            return
        if not self._queue and not self._writing and self._write_now is not None and self._write_now(item.payload):
            self.sent_bytes += item.size
            return
        self._queue.append(item)
        self.queued_bytes += item.size
        self.high_water_bytes = max(self.high_water_bytes, self.queued_bytes)
        if self.queued_bytes > self._max_bytes:
            self._clear()
            self._on_overflow()
        self._wake.set()

    def drop_sound(self, generation: int) -> None:
        """Drop waiting sound of `generation` and older."""
        kept = deque(i for i in self._queue if i.generation is None or i.generation > generation)
        if len(kept) != len(self._queue):
            self._queue = kept
            self.queued_bytes = sum(i.size for i in kept)

    def close(self) -> None:
        """Write what is waiting, then let `run` return."""
        self._closed = True
        self._wake.set()

    def _clear(self) -> None:
        self._queue.clear()
        self.queued_bytes = 0

    async def run(self, write: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Write until closed and empty. `write` waits while the socket is full."""
        while True:
            while self._queue:
                item = self._queue.popleft()
                self.queued_bytes -= item.size
                self._writing = True
                await write(item.payload)
                self._writing = False
                self.sent_bytes += item.size
            if self._closed:
                return
            self._wake.clear()
            await self._wake.wait()
