"""Runs an engine class where its configuration says: inline on the loop, on a thread, or in a worker process.

    host = EngineHost(EngineSpec.of(EspeakEngine, {"voice": "en"}), HostSettings(placement="process"))
    info = await host.load()
    async for chunk in host.stream("speak", request, deadline=Deadline.FIRST_CHUNK): ...

Callers see one interface. A stream may be cancelled from synchronous code (`cancel`); `aclose` also waits until the engine has
let go. Results are handed to the loop that asked, so sessions on different loops may share a host.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from stream_talk import clock
from stream_talk.engines.deadline_queue import Deadline, DeadlineQueue, QueueFull, QueueStats
from stream_talk.engines.interfaces import Wait
from stream_talk.engines.process import EngineCrashed, ProcessSupervisor, WorkerSettings
from stream_talk.engines.runner import EngineRunner, EventKind, Job, engine_info
from stream_talk.engines.spec import EngineSpec

__all__ = [
    "Deadline",
    "EngineCrashed",
    "EngineHost",
    "EngineSpec",
    "EngineStream",
    "HostSettings",
    "HostStats",
    "Placement",
    "QueueFull",
]

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

    async def aclose(self) -> None:
        """`cancel`, then wait until the engine is free of this job."""


class _Backend(Protocol):
    def open(self, job: Job) -> EngineStream: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...

    @property
    def stats(self) -> HostStats: ...

    @property
    def direct(self) -> Any: ...


class EngineHost:
    def __init__(self, spec: EngineSpec, settings: HostSettings | None = None) -> None:
        self.spec = spec
        self.settings = settings or HostSettings()
        self.info: dict[str, Any] = {}
        self._ids = itertools.count(1)
        self._backend: _Backend = self._make_backend()

    @property
    def stats(self) -> HostStats:
        return self._backend.stats

    async def load(self) -> dict[str, Any]:
        """Load and warm up, once for all sessions; returns what the engine says of itself (`sample_rate_hz`...). Raises EngineUnavailable."""
        if not self.info:
            self.info = await self.call("load", deadline=Deadline.FIRST_CHUNK)
        return self.info

    async def call(
        self, method: str, *args: Any, deadline: Deadline = Deadline.PARTIAL, lane: str | None = None
    ) -> Any:
        """Result of a plain method. Generators are collected into a list."""
        stream = self.begin(method, *args, deadline=deadline, lane=lane)
        try:
            return await stream.__anext__()
        except asyncio.CancelledError:
            stream.cancel()
            raise

    def begin(
        self, method: str, *args: Any, deadline: Deadline = Deadline.PARTIAL, lane: str | None = None
    ) -> EngineStream:
        """Start a plain method and return at once; the stream has its one result."""
        return self._backend.open(Job(next(self._ids), method, args, False, deadline, lane))

    def stream(
        self, method: str, *args: Any, deadline: Deadline = Deadline.NEXT_CHUNK, lane: str | None = None
    ) -> EngineStream:
        """Results of a generator method, which gets the cancel token as its last argument. Work starts at once."""
        return self._backend.open(Job(next(self._ids), method, args, True, deadline, lane))

    @property
    def direct(self) -> Any:
        """The engine itself where it runs inline and is loaded, for calls too frequent to wrap; otherwise None."""
        return self._backend.direct

    def restart(self) -> None:
        """Give up on an engine that no longer answers. Its jobs fail, the next job starts a new one."""
        self._backend.kill()

    def close(self) -> None:
        self._backend.close()

    def _make_backend(self) -> _Backend:
        placement = self.settings.placement
        if placement == "inline":
            return _InlineBackend(self.spec)
        if placement == "thread":
            return _ThreadBackend(self.spec, self.settings)
        return _ProcessBackend(self.spec, self.settings)


# --- inline -----------------------------------------------------------------------------------------------------------


class _InlineBackend:
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
    def __init__(self, backend: _InlineBackend, job: Job) -> None:
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
                _wake(self._pausing)

    async def _pause(self, duration_ms: float) -> None:
        """Let time pass; `cancel` ends it at once."""
        loop = asyncio.get_running_loop()
        self._pausing = loop.create_future()
        timer = loop.call_later(duration_ms / 1000.0, _wake, self._pausing)
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
        if isinstance(results, Generator) and not results.gi_running:
            results.close()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


# --- thread and process -----------------------------------------------------------------------------------------------


class _RemoteStream:
    """Results that another thread delivers to the loop which opened the stream."""

    def __init__(self, backend: _RemoteBackend, job: Job) -> None:
        self._backend = backend
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._items: deque[Any] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._hold = contextlib.ExitStack()
        self._hold.enter_context(clock.real_work())

    def deliver(self, kind: EventKind, value: Any) -> None:
        """From any thread."""
        try:
            self._loop.call_soon_threadsafe(self._on_event, kind, value)
        except RuntimeError:
            return  # the loop that asked has ended; there is nobody left to tell

    def _on_event(self, kind: EventKind, value: Any) -> None:
        if kind == "item":
            if not self._job.flag.cancelled:
                self._items.append(value)
        else:
            self._ended = True
            self._error = value if kind == "error" and not self._job.flag.cancelled else None
            self._hold.close()
        if self._waiter is not None:
            _wake(self._waiter)

    def __aiter__(self) -> EngineStream:
        return self

    async def __anext__(self) -> Any:
        while True:
            if self._items and not self._job.flag.cancelled:
                return self._items.popleft()
            if self._error is not None:
                raise self._error
            if self._ended or self._job.flag.cancelled:
                raise StopAsyncIteration
            await self._changed()

    async def _changed(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def cancel(self) -> None:
        if self._job.flag.cancelled or self._ended:
            return
        self._items.clear()
        self._backend.cancel(self._job)
        if self._waiter is not None:
            _wake(self._waiter)

    async def aclose(self) -> None:
        self.cancel()
        while not self._ended:
            await self._changed()


class _RemoteBackend:
    """What thread and process placement share: routing of events to streams, and statistics."""

    def __init__(self) -> None:
        self._streams: dict[int, _RemoteStream] = {}
        self._stats = HostStats()

    @property
    def stats(self) -> HostStats:
        return self._stats

    @property
    def direct(self) -> Any:
        return None

    def open(self, job: Job) -> EngineStream:
        stream = _RemoteStream(self, job)
        self._streams[job.job_id] = stream
        self._stats.jobs += 1
        try:
            self._submit(job)
        except QueueFull as error:
            self._route(job.job_id, "error", error)
        return stream

    def cancel(self, job: Job) -> None:
        job.flag.set()
        self._stats.cancelled += 1
        self._cancel(job.job_id)

    def _route(self, job_id: int, kind: EventKind, value: Any) -> None:
        stream = self._streams.get(job_id) if kind == "item" else self._streams.pop(job_id, None)
        if kind == "error":
            self._stats.failed += 1
        elif kind == "done" and value:
            self._stats.busy_ms += value
        if stream is not None:
            stream.deliver(kind, value)

    def _submit(self, job: Job) -> None:
        raise NotImplementedError

    def _cancel(self, job_id: int) -> None:
        raise NotImplementedError


class _ThreadBackend(_RemoteBackend):
    def __init__(self, spec: EngineSpec, settings: HostSettings) -> None:
        super().__init__()
        self._spec = spec
        self._settings = settings
        self._runner: EngineRunner | None = None
        self._queue: DeadlineQueue[Job] | None = None
        self._starting = threading.Lock()

    def _submit(self, job: Job) -> None:
        self._ensure_runner().submit(job)

    def _cancel(self, job_id: int) -> None:
        if self._runner is not None:
            self._runner.cancel(job_id)

    def _ensure_runner(self) -> EngineRunner:
        with self._starting:
            if self._runner is None:
                self._queue = DeadlineQueue(self._settings.queue_limit)
                self._stats.queue = self._queue.stats
                self._runner = EngineRunner(self._spec.create, self._queue, self._route)
                name = f"engine-{self._spec.label}"
                threading.Thread(target=self._work, args=(self._runner,), name=name, daemon=True).start()
            return self._runner

    def _work(self, runner: EngineRunner) -> None:
        def unload() -> bool:
            runner.unload()
            return False

        runner.run(self._settings.idle_ttl_ms, unload)
        runner.unload()

    def kill(self) -> None:
        """A thread cannot be ended from outside: it is abandoned with its engine, and its jobs fail."""
        with self._starting:
            self._runner = None
            if self._queue is not None:
                self._queue.close()
        self._stats.restarts += 1
        for job_id in list(self._streams):
            self._route(job_id, "error", EngineCrashed(f"{self._spec.label} no longer answered"))

    def close(self) -> None:
        with self._starting:
            self._runner = None
            if self._queue is not None:
                self._queue.close()


class _ProcessBackend(_RemoteBackend):
    def __init__(self, spec: EngineSpec, settings: HostSettings) -> None:
        super().__init__()
        self._settings = settings
        worker = WorkerSettings(
            settings.interpreter, settings.memory_limit_mb, settings.idle_ttl_ms, settings.queue_limit
        )
        self._supervisor = ProcessSupervisor(spec, worker, self._deliver)

    @property
    def stats(self) -> HostStats:
        self._stats.restarts = self._supervisor.restarts
        return self._stats

    @property
    def pid(self) -> int | None:
        return self._supervisor.pid

    def _deliver(self, job: Job, kind: EventKind, value: Any) -> None:
        self._route(job.job_id, kind, value)

    def _submit(self, job: Job) -> None:
        if self._supervisor.outstanding >= self._settings.queue_limit:
            raise QueueFull(f"{self._supervisor.outstanding} jobs are waiting for the worker")
        self._supervisor.submit(job)

    def _cancel(self, job_id: int) -> None:
        self._supervisor.cancel(job_id)

    def kill(self) -> None:
        self._supervisor.kill()

    def close(self) -> None:
        self._supervisor.close()
