"""The engine that `bench adaptors` runs: it takes a set time, and says when it worked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from stream_talk.engines.interfaces import CancelToken


class TimedEngine:
    def __init__(self, delay_ms: float = 5.0, step_ms: float = 10.0) -> None:
        self._delay_s, self._step_s = delay_ms / 1000, step_ms / 1000

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing to warm."""

    def close(self) -> None:
        """Nothing to free."""

    def one(self, cancel: CancelToken) -> Iterator[Any]:
        """One result after the delay: when work began, and when it was ready (the system's monotonic clock)."""
        began = time.perf_counter()
        time.sleep(self._delay_s)
        yield [began, time.perf_counter()]

    def steps(self, cancel: CancelToken) -> Iterator[Any]:
        """Results without end, one a step, as a model makes tokens."""
        while not cancel.cancelled:
            yield [time.perf_counter()]
            time.sleep(self._step_s)
