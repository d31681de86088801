"""Lines from the keyboard, without holding up the loop, and without keeping the program from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import TextIO


async def lines_of(stream: TextIO) -> AsyncIterator[str]:
    """A thread waits for the person; as a daemon it does not keep the program alive when the server has gone."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def deliver(line: str | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, line)

    def read() -> None:
        for line in stream:
            deliver(line)
        deliver(None)

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line
