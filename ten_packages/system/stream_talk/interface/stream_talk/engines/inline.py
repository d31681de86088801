"""Placement `inline`: the engine runs on the caller's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from types import GeneratorType
from typing import Any

from stream_talk.engines.interfaces import Wait
from stream_talk.engines.runner import Job, engine_info
from stream_talk.engines.spec import EngineSpec
from stream_talk.engines.stream import EngineStream, HostStats, wake


class InlineBackend:
    """The engine runs on the caller's loop. For engines that answer in well under a millisecond, and for tests."""

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._engine: Any = None
        self._stats = HostStats()

    @property
    def stats(self) -> HostStats:
        return self._stats

    def open(self, job: Job) -> EngineStream:
        self._stats.jobs += 1
        return _InlineStream(self, job)

    @property
    def direct(self) -> Any:
        return self._engine

    def engine(self) -> Any:
        if self._engine is None:
            engine = self._spec.create()
            engine.load()
            engine.warm_up()
            self._engine = engine
        return self._engine

    def kill(self) -> None:
        self._engine = None

    def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


class _InlineStream:
    def __init__(self, backend: InlineBackend, job: Job) -> None:
        self._backend = backend
        self._job = job
        self._results: Iterator[Any] | None = None
        self._yielded = False
        self._pausing: asyncio.Future[None] | None = None

    def __aiter__(self) -> EngineStream:
        return self

    async def __anext__(self) -> Any:
        job = self._job
        if not job.streaming:
            return self._call()
        if self._yielded:
            # Between two steps others on the loop get their turn, the one who wants to cancel among them.
            await asyncio.sleep(0)
        while not job.flag.cancelled:
            if self._results is None:
                self._results = iter(getattr(self._backend.engine(), job.method)(*job.args, job.flag))
            try:
                item = next(self._results)
            except StopIteration:
                break
            except Exception:
                self._backend.stats.failed += 1
                raise
            if isinstance(item, Wait):
                await self._pause(item.ms)
                continue
            self._yielded = True
            return item
        self._close_results()
        raise StopAsyncIteration

    def _call(self) -> Any:
        engine = self._backend.engine()
        if self._job.method == "load":
            return engine_info(engine)
        result = getattr(engine, self._job.method)(*self._job.args)
        return list(result) if isinstance(result, (Generator, Iterator)) else result

    def cancel(self) -> None:
        if not self._job.flag.cancelled:
            self._job.flag.set()
            self._backend.stats.cancelled += 1
            if self._pausing is not None:
                wake(self._pausing)

    def give_up(self, grace_ms: float) -> None:
        self.cancel()

    async def _pause(self, duration_ms: float) -> None:
        """Let time pass; `cancel` ends it at once."""
        if duration_ms <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self._pausing = loop.create_future()
        timer = loop.call_later(duration_ms / 1000.0, wake, self._pausing)
        try:
            await self._pausing
        finally:
            timer.cancel()
            self._pausing = None

    async def aclose(self) -> None:
        self.cancel()
        self._close_results()

    def _close_results(self) -> None:
        results = self._results
        if isinstance(results, GeneratorType) and not results.gi_running:
            results.close()
