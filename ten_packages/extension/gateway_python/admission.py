"""Whether there is room for one more conversation. Pure: measurements come in, a decision comes out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .config import AdmissionConfig


@dataclass(frozen=True, slots=True)
class Load:
    sessions: int
    starting: int
    loop_lag_ms: float
    queue_ms: float
    draining: bool = False
    away: int = 0
    """How many of the sessions wait for a client that has gone: they hold a place, but nobody is there who could be spoiled."""

    @property
    def present(self) -> int:
        return self.sessions - self.away


@dataclass(frozen=True, slots=True)
class Decision:
    accepted: bool
    reason: str = ""
    retry_after_ms: int = 0


def decide(load: Load, limits: AdmissionConfig) -> Decision:
    """The first reason why a newcomer would not be served well, or would spoil it for the others."""
    if load.draining:
        return Decision(False, "the server is shutting down", limits.retry_after_ms)
    if load.sessions >= limits.max_sessions:
        return Decision(False, f"all {limits.max_sessions} places are taken", limits.retry_after_ms)
    if load.starting >= limits.max_starting:
        return Decision(False, "many others are just being connected", min(1000, limits.retry_after_ms))
    if load.present and load.loop_lag_ms > limits.max_loop_lag_ms:
        return Decision(
            False, f"the server is busy (its loop runs {load.loop_lag_ms:.0f} ms late)", limits.retry_after_ms
        )
    if load.present and load.queue_ms > limits.max_queue_ms:
        return Decision(False, f"the engines are busy (work waits {load.queue_ms:.0f} ms)", limits.retry_after_ms)
    return Decision(True)


class AtCapacity(RuntimeError):
    def __init__(self, decision: Decision) -> None:
        super().__init__(f"At capacity: {decision.reason}. Please try again in a moment.")
        self.retry_after_ms = decision.retry_after_ms
        self.reason = decision.reason


class LagWindow:
    """Lateness of the event loop over the last `size` samples.

    Above 20 ms frames of sound are late for everybody; the clients' jitter buffers hide that for a while. Above 50 ms they do not: no
    more conversations are taken then.
    """

    def __init__(self, size: int = 20) -> None:
        self._samples: deque[float] = deque(maxlen=size)

    def add(self, lag_ms: float) -> None:
        self._samples.append(max(0.0, lag_ms))

    @property
    def p95_ms(self) -> float:
        if not self._samples:
            return 0.0
        ordered = sorted(self._samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
