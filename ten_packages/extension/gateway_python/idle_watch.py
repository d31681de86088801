"""Notices when nothing has happened for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stream_talk import clock


class IdleWatch:
    """`touch` costs nothing but a look at the clock: the timer is only ever moved when it has run out."""

    def __init__(self, timeout_ms: float, on_idle: Callable[[], None]) -> None:
        self._timeout_ms = timeout_ms
        self._on_idle = on_idle
        self._last_active_ms = clock.now_ms()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._timer = clock.call_later_ms(self._timeout_ms, self._check)

    def touch(self) -> None:
        self._last_active_ms = clock.now_ms()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        left_ms = self._last_active_ms + self._timeout_ms - clock.now_ms()
        if left_ms > 0:
            self._timer = clock.call_later_ms(left_ms, self._check)
        else:
            self._on_idle()
