"""One thread that owns the memory file, and a way for event loops to ask it things without waiting on a disk.

All sessions of a process share one service per file: one connection, one writer, no lock contention.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from stream_talk import clock
from stream_talk.memory.database import explained, open_database
from stream_talk.memory.errors import MemoryUnavailable

T = TypeVar("T")
_Job = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]
QUEUE_LIMIT = 4_096


class MemoryService:
    """Runs functions of a connection on the thread that owns it. Start-up errors are given to whoever asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=QUEUE_LIMIT)
        self._thread = threading.Thread(target=self._run, name="stream-talk-memory", daemon=True)
        self._high_water = 0
        self._refused = 0
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue work. When the queue is full (a disk that hangs), the caller is told at once instead of waiting."""
        future: Future[T] = Future()
        try:
            self._jobs.put_nowait((work, future))
        except queue.Full:
            self._refused += 1
            future.set_exception(MemoryUnavailable("the memory file answers too slowly", "check the disk"))
        self._high_water = max(self._high_water, self._jobs.qsize())
        return future

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Like `submit`, for an event loop; simulated time waits for the disk."""
        with clock.real_work():
            return await asyncio.wrap_future(self.submit(work))

    def statistics(self) -> dict[str, int]:
        return {"depth": self._jobs.qsize(), "high_water": self._high_water, "refused": self._refused}

    def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._jobs.get()) is not None:
            work, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with explained(self.path):
                    # Opened on demand, and again after a failure: a full or unplugged disk may come back.
                    connection = connection or open_database(self.path)
                    future.set_result(work(connection))
            except BaseException as error:  # every outcome belongs to whoever asked
                if isinstance(error, MemoryUnavailable) and connection is not None:
                    connection.close()
                    connection = None
                future.set_exception(error)
        if connection is not None:
            connection.close()


class _Shared:
    """The services of this process, by file, with a count of their users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: dict[Path, tuple[MemoryService, int]] = {}

    def acquire(self, path: Path) -> MemoryService:
        with self._lock:
            service, users = self._services.get(path) or (MemoryService(path), 0)
            self._services[path] = (service, users + 1)
            return service

    def release(self, path: Path) -> None:
        with self._lock:
            service, users = self._services[path]
            if users > 1:
                self._services[path] = (service, users - 1)
                return
            del self._services[path]
        service.close()


SHARED = _Shared()
