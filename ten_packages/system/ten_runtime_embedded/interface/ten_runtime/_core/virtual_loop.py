"""An asyncio loop whose time is simulated.

Time stands still while anything runs. When nothing is ready and nothing outside the loop works on the loop's behalf, time
jumps to the next timer. "Outside" are holds: work given to an executor holds by itself, other threads and processes by
``hold_time``/``release_time``.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable
from typing import Any, Final

START_S: Final = 1_000.0
EPOCH_START_S: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z: a run tomorrow has today's time stamps


class _SimulatedSelector(selectors.BaseSelector):
    """Waits for real only while something outside works; otherwise it lets the waiting time pass in simulation."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._holds = 0
        self.now_s = START_S

    def hold(self) -> None:
        with self._lock:
            self._holds += 1

    def release(self) -> None:
        with self._lock:
            if self._holds == 0:
                raise RuntimeError("release_time without hold_time")
            self._holds -= 1

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = self._real.select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if timeout is None or self._holds:
            return self._real.select(None)  # a release or a call from a thread wakes this up
        self.now_s += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Any:
        return self._real.get_map()


class VirtualClockLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._simulation = _SimulatedSelector()
        super().__init__(self._simulation)

    def time(self) -> float:
        return self._simulation.now_s

    def epoch_time(self) -> float:
        """Simulated seconds since 1970."""
        return EPOCH_START_S + (self._simulation.now_s - START_S)

    def hold_time(self) -> None:
        """Simulated time stands still until the matching ``release_time``. Callable from any thread."""
        self._simulation.hold()

    def release_time(self) -> None:
        self._simulation.release()
        if not self.is_closed():
            self.call_soon_threadsafe(_nothing)  # wakes the loop: it may be waiting for this

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        self.hold_time()
        try:
            future = super().run_in_executor(executor, func, *args)
        except BaseException:
            self.release_time()
            raise
        work = _WorkEnd(self)
        future.add_done_callback(work)
        return future


class _WorkEnd:
    """Releases time when the result has arrived on the loop, not when the thread finished: in between lies no gap."""

    __slots__ = ("_loop",)

    def __init__(self, loop: VirtualClockLoop) -> None:
        self._loop = loop

    def __call__(self, _future: asyncio.Future[Any]) -> None:
        self._loop.release_time()


def _nothing() -> None:
    """A wake-up needs a callback."""
