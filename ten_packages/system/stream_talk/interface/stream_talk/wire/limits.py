"""Bounds on what a client may send. Pure: time comes in as an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """`rate_per_s` units a second, `burst` units at once."""

    rate_per_s: float
    burst: float
    _level: float = field(init=False)
    _at_ms: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._level = self.burst

    def take(self, amount: float, now_ms: float) -> bool:
        """Whether `amount` is within the limit. A refusal takes nothing."""
        if self._at_ms is not None and now_ms > self._at_ms:
            self._level = min(self.burst, self._level + (now_ms - self._at_ms) * self.rate_per_s / 1000.0)
        self._at_ms = now_ms
        if amount > self._level:
            return False
        self._level -= amount
        return True


@dataclass(slots=True)
class Strikes:
    """Counts refusals; `add` says when there were too many within the window."""

    limit: int = 20
    window_ms: float = 10_000.0
    _times: deque[float] = field(default_factory=deque)

    def add(self, now_ms: float) -> bool:
        self._times.append(now_ms)
        while self._times[0] < now_ms - self.window_ms:
            self._times.popleft()
        return len(self._times) >= self.limit
