"""Destinations that do not exist: commands are answered with an error, the rest is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .endpoint import Endpoint
from .log import runtime_log

if TYPE_CHECKING:
    from .app_core import AppCore


class DeadEnd(Endpoint):
    def __init__(self, app: AppCore, detail: str) -> None:
        super().__init__(app, app.executor, app.source)
        self._detail = detail

    def receive(self, content: Any) -> None:
        runtime_log.debug(f"'{content.name}': {self._detail}")
        self.refuse(content, self._detail)

    accept = receive
