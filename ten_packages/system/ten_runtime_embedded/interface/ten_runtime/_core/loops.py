"""Threads that run an asyncio loop, and the one that all async extensions of the process share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from .log import runtime_log
from .pump import Pump
from .virtual_loop import VirtualClockLoop

SHUTDOWN_GRACE_S = 0.5
JOIN_LIMIT_S = 2.0


class LoopThread:
    """A daemon thread with a loop. Daemon, because a blocked extension must not keep the process alive."""

    def __init__(self, name: str, make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> None:
        self.loop = make_loop()
        self.pump = Pump(self.loop)
        self._stopping = False
        self._is_stop_requested = False
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._started.wait()

    @property
    def thread_id(self) -> int:
        assert self._thread.ident is not None
        return self._thread.ident

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self._started.set()
        try:
            while not self._stopping:
                self._run_until_stopped()
        finally:
            cancel_leftovers(self.loop)
            asyncio.set_event_loop(None)
            self.loop.close()

    def _run_until_stopped(self) -> None:
        """asyncio ends a loop when a task raises ``SystemExit``; others live on this one."""
        try:
            self.loop.run_forever()
        except BaseException as error:
            runtime_log.exception(f"a task ended with {type(error).__name__}; the loop goes on")

    def request_stop(self) -> None:
        """Once: a second stop would break off the cancelling of what is left."""
        with self._lock:
            if self._is_stop_requested:
                return
            self._is_stop_requested = True
        self.loop.call_soon_threadsafe(self._stop)

    def stop(self, wait_s: float | None = None) -> None:
        """Stop and, from another thread, wait until everything left on the loop is cancelled; a thread that an
        extension blocks is left behind after ``wait_s``."""
        self.request_stop()
        if threading.current_thread() is not self._thread:
            self._thread.join(wait_s)

    def _stop(self) -> None:
        self._stopping = True
        self.loop.stop()


def cancel_leftovers(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=SHUTDOWN_GRACE_S))
    loop.run_until_complete(loop.shutdown_asyncgens())


class SharedLoop:
    """The process-wide loop: made for the first user, ended with the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._thread: LoopThread | None = None

    def acquire(self) -> LoopThread:
        with self._lock:
            if self._thread is None:
                self._thread = LoopThread("PythonGlobalMainThread")
            self._users += 1
            return self._thread

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()


shared_loop = SharedLoop()


def new_virtual_loop_thread() -> LoopThread:
    return LoopThread("PythonVirtualClockThread", VirtualClockLoop)
