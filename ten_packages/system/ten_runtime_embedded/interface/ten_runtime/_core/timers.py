"""``ten:timer``: the app sends ``ten:timeout`` to whoever asked for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from .content import CmdContent, ResultContent
from .endpoint import Endpoint

if TYPE_CHECKING:
    from .app_core import AppCore

INFINITE: Final = -1


class Timers:
    def __init__(self, app: AppCore) -> None:
        self._app = app
        self._running: dict[tuple[Endpoint, int], asyncio.TimerHandle] = {}

    def handle(self, cmd: CmdContent, fields: dict[str, Any], origin: Endpoint) -> None:
        try:
            timer_id = int(fields["timer_id"])
            cancel = bool(fields.get("cancel", False))
            timeout_us = 0 if cancel else int(fields["timeout_us"])
            times = int(fields.get("times", 1))
        except (KeyError, TypeError, ValueError):
            detail = "ten:timer needs the integers ten.timer_id and ten.timeout_us"
            self._app.return_result(ResultContent.error(cmd, detail))
            return
        key = (origin, timer_id)
        present = self._running.pop(key, None)
        if present is not None:
            present.cancel()
        if not cancel:
            self._arm(key, timeout_us / 1e6, times)
        self._app.return_result(ResultContent.ok(cmd))

    def _arm(self, key: tuple[Endpoint, int], delay_s: float, times: int) -> None:
        self._running[key] = self._app.loop.call_later(delay_s, self._fire, key, delay_s, times)

    def _fire(self, key: tuple[Endpoint, int], delay_s: float, times: int) -> None:
        del self._running[key]
        origin, timer_id = key
        if getattr(origin, "closed", False):
            return
        timeout = CmdContent("ten:timeout")
        timeout.properties = {"timer_id": timer_id}
        timeout.origin = self._app  # whose tables do not know it: the answer is dropped
        timeout.source = self._app.source
        origin.receive(timeout)
        if times == INFINITE or times > 1:
            self._arm(key, delay_s, times if times == INFINITE else times - 1)
