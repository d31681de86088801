"""Placements `thread` and `process`: results come from elsewhere and are delivered to the loop that asked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Any

from stream_talk import clock
from stream_talk.engines.deadline_queue import DeadlineQueue, QueueFull
from stream_talk.engines.process import EngineCrashed, ProcessSupervisor, WorkerSettings
from stream_talk.engines.runner import EngineRunner, EventKind, Job
from stream_talk.engines.spec import EngineSpec
from stream_talk.engines.stream import EngineStream, HostSettings, HostStats, wake


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
            wake(self._waiter)

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
            wake(self._waiter)

    def give_up(self, grace_ms: float) -> None:
        self.cancel()
        self._loop.call_later(grace_ms / 1000.0, self._end_stuck_engine)

    def _end_stuck_engine(self) -> None:
        if not self._ended:
            self._backend.kill_if_stuck(self._job)

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

    def kill_if_stuck(self, job: Job) -> None:
        raise NotImplementedError

    def _submit(self, job: Job) -> None:
        raise NotImplementedError

    def _cancel(self, job_id: int) -> None:
        raise NotImplementedError


class ThreadBackend(_RemoteBackend):
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

    def kill_if_stuck(self, job: Job) -> None:
        if job.job_id in self._streams and self._runner is not None and self._runner.loaded:
            self.kill()

    def kill(self) -> None:
        """A thread cannot be ended from outside: it is abandoned with its engine, and its jobs fail."""
        with self._starting:
            if self._runner is not None:
                self._runner.abandon()
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


class ProcessBackend(_RemoteBackend):
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

    def kill_if_stuck(self, job: Job) -> None:
        self._supervisor.kill_if_stuck(job.job_id)

    def kill(self) -> None:
        self._supervisor.kill()

    def close(self) -> None:
        self._supervisor.close()
