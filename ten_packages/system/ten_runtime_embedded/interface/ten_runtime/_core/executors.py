"""Where an endpoint's code runs: on a loop, or on a worker thread of its extension group."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from .log import runtime_log
from .loops import LoopThread


class Executor(Protocol):
    thread_id: int

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Run this on the executor's thread, after everything posted before. Callable from any thread."""


class LaterCall:
    """Something to run later; once cancelled it keeps nothing alive, though its timer still has to pass."""

    __slots__ = ("_executor", "_function")

    def __init__(self, executor: Executor, function: Callable[[], None]) -> None:
        self._executor = executor
        self._function: Callable[[], None] | None = function

    def fire(self) -> None:
        if self._function is not None:
            self._executor.post(self._function)

    def cancel(self) -> None:
        self._function = None


class LoopExecutor:
    """Runs on an asyncio loop."""

    def __init__(self, thread: LoopThread) -> None:
        self.loop: asyncio.AbstractEventLoop = thread.loop
        self.pump = thread.pump
        self.thread_id = thread.thread_id

    def post(self, function: Callable[..., object], *args: Any) -> None:
        try:
            if threading.get_ident() == self.thread_id:
                self.loop.call_soon(function, *args)
            else:
                self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            runtime_log.debug("dropped a call to a loop that is closed")


class WorkerExecutor:
    """A thread that works off a queue. ``run`` is the thread's body, so that a caller's own thread can serve too."""

    def __init__(self, clock_loop: asyncio.AbstractEventLoop) -> None:
        self.thread_id = 0
        self._lock = threading.Lock()  # between posting and the end: a job posted too late must not hold the clock
        self._ended = False
        self._jobs: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = queue.SimpleQueue()
        # On a simulated clock, time stands still while a job waits or runs.
        self._hold: Callable[[], None] | None = getattr(clock_loop, "hold_time", None)
        self._release: Callable[[], None] | None = getattr(clock_loop, "release_time", None)

    def start(self, name: str) -> None:
        started = threading.Event()
        thread = threading.Thread(target=self.run, args=(started,), name=name, daemon=True)
        thread.start()
        started.wait()

    def post(self, function: Callable[..., object], *args: Any) -> None:
        with self._lock:
            if self._ended:
                return
            if self._hold is not None:
                self._hold()
            self._jobs.put((function, args))

    def stop(self) -> None:
        self._jobs.put(None)

    def adopt_thread(self) -> None:
        """This very thread is going to call ``run``."""
        self.thread_id = threading.get_ident()

    def run(self, started: threading.Event | None = None) -> None:
        self.thread_id = threading.get_ident()
        if started is not None:
            started.set()
        while True:
            job = self._next()
            if job is None:
                break
            self._work(*job)
        self._end()

    def _next(self) -> tuple[Callable[..., object], tuple[Any, ...]] | None:
        if sys.platform != "win32":
            return self._jobs.get()
        while True:  # there, Ctrl-C does not interrupt a wait; it is seen between two of them
            try:
                return self._jobs.get(timeout=0.5)
            except queue.Empty:
                continue

    def _work(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            function(*args)
        except Exception:
            runtime_log.exception("a job of the runtime failed")
        finally:
            if self._release is not None:
                self._release()

    def _end(self) -> None:
        with self._lock:
            self._ended = True
        while not self._jobs.empty():
            if self._jobs.get() is not None and self._release is not None:
                self._release()
