"""What the assistant says without being asked: announcements waiting for a free floor, and the question after a long silence."""

from __future__ import annotations

from collections import deque

from .config import MainControlConfig

_MAX_WAITING = 8  # more announcements than this at once are noise; the newest are refused


class Initiative:
    def __init__(self, config: MainControlConfig) -> None:
        self._config = config
        self._waiting: deque[tuple[str, bool]] = deque()
        self._silent_since_ms: float | None = None  # None until somebody is there
        self._prompted = False

    def add(self, text: str, *, protected: bool) -> None:
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append((text, protected))

    def put_back(self, text: str, *, protected: bool) -> None:
        """It was interrupted before anything of it was heard."""
        if not self._is_for_silence(text):
            self._waiting.appendleft((text, protected))

    def take(self) -> tuple[str, bool] | None:
        return self._waiting.popleft() if self._waiting else None

    def forget(self) -> None:
        self._waiting.clear()

    def floor_is_free(self, now_ms: float) -> None:
        if self._silent_since_ms is not None:
            self._silent_since_ms = now_ms

    def somebody_is_there(self, now_ms: float) -> None:
        self._silent_since_ms = now_ms

    def person_spoke(self) -> None:
        self._prompted = False
        self._waiting = deque(saying for saying in self._waiting if not self._is_for_silence(saying[0]))

    def _is_for_silence(self, text: str) -> bool:
        """Words into a silence make no sense once the person has begun to talk."""
        return text in (self._config.greeting, self._config.idle_prompt)

    def prompt_due_ms(self) -> float:
        """When the silence has lasted long enough to ask; once per silence."""
        config = self._config
        if self._silent_since_ms is None or self._prompted or not config.idle_prompt or not config.idle_prompt_ms:
            return float("inf")
        return self._silent_since_ms + config.idle_prompt_ms

    def take_prompt(self) -> str:
        self._prompted = True
        return self._config.idle_prompt
