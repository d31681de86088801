"""The apps of this process, by URI and for closing them all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app_core import AppCore


class RunningApps:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._apps: list[AppCore] = []

    def add(self, app: AppCore) -> None:
        with self._lock:
            self._apps.append(app)

    def remove(self, app: AppCore) -> None:
        with self._lock:
            if app in self._apps:
                self._apps.remove(app)

    def all(self) -> list[AppCore]:
        with self._lock:
            return list(self._apps)

    def find(self, uri: str) -> AppCore | None:
        return next((app for app in self.all() if app.uri == uri), None)


running_apps = RunningApps()
