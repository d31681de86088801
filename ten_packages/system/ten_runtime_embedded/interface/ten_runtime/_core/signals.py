"""Ctrl-C and SIGTERM: the first closes all apps in order, the second ends the process.

Only while an app runs in the foreground of the main thread; nothing is hooked on import. A handler interrupts the main
thread anywhere, so it takes no lock: what needs one is done on a loop.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from .log import log_system, runtime_log
from .registry import running_apps

if TYPE_CHECKING:
    from .app_runner import AppRunner


class _Trap:
    def __init__(self, runner: AppRunner) -> None:
        self._runner = runner
        self._count = 0

    def close_apps(self, number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            os._exit(1)
        self._runner.close()  # it may not even be configured yet
        self._runner.on_loop(_close_all, number)

    def reopen_logs(self, _number: int, _frame: FrameType | None) -> None:
        self._runner.on_loop(log_system.reopen_files)


def _close_all(number: int) -> None:
    runtime_log.info(f"signal {number}: closing")
    for app in running_apps.all():
        app.close()


@contextlib.contextmanager
def trap_signals(runner: AppRunner) -> Iterator[None]:
    is_off = os.environ.get("TEN_DISABLE_SIGNAL_TRAP", "").lower() in ("true", "1")
    if is_off or threading.current_thread() is not threading.main_thread():
        yield
        return
    trap = _Trap(runner)
    wanted: dict[Any, Any] = {signal.SIGINT: trap.close_apps, signal.SIGTERM: trap.close_apps}
    if hasattr(signal, "SIGHUP"):  # absent on Windows
        wanted[signal.SIGHUP] = trap.reopen_logs
    previous = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
