"""What callers and backends of an engine host agree on."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from stream_talk.engines.deadline_queue import QueueStats
from stream_talk.engines.runner import Job

Placement = Literal["inline", "thread", "process"]


@dataclass(frozen=True)
class HostSettings:
    placement: Placement = "thread"
    queue_limit: int = 256
    idle_ttl_ms: float | None = None  # unload the model after this long without work; the next job loads it again
    memory_limit_mb: float | None = None  # process only: recycle the worker when it is idle and larger than this
    interpreter: str = sys.executable  # process only


@dataclass
class HostStats:
    jobs: int = 0
    failed: int = 0
    cancelled: int = 0
    busy_ms: float = 0.0
    restarts: int = 0
    queue: QueueStats | None = None


class EngineStream(Protocol):
    """Results of one job. Iterate it, or cancel it."""

    def __aiter__(self) -> EngineStream: ...

    async def __anext__(self) -> Any: ...

    def cancel(self) -> None:
        """Ask the engine to stop at its next step; results already on their way are dropped. Returns at once."""

    def give_up(self, grace_ms: float) -> None:
        """`cancel`; an engine that has not let go of this job after `grace_ms` is ended. Returns at once."""

    async def aclose(self) -> None:
        """`cancel`, then wait until the engine is free of this job."""


class Backend(Protocol):
    def open(self, job: Job) -> EngineStream: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...

    @property
    def stats(self) -> HostStats: ...

    @property
    def direct(self) -> Any: ...


def wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
