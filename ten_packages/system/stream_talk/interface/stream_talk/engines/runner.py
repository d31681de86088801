"""One thread that owns one engine: takes jobs by deadline, steps their generators, hands out what they yield.

The same loop serves the `thread` placement and the worker process. An engine with `interleaves = True` may be stepped for
somebody more urgent between two results of a running generator; others are left alone until their generator ends.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from stream_talk import clock
from stream_talk.engines.deadline_queue import Deadline, DeadlineQueue, QueueFull
from stream_talk.engines.interfaces import Wait

EventKind = Literal["item", "done", "error"]
Emit = Callable[[int, EventKind, Any], None]

INFO_ATTRIBUTES = ("sample_rate_hz", "hop_samples", "interleaves")


class CancelFlag:
    """A CancelToken that can also be slept on."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    def sleep_ms(self, duration_ms: float) -> None:
        self._event.wait(max(0.0, duration_ms) / 1000.0)


@dataclass
class Job:
    """A call of one engine method. Streaming jobs get the cancel flag as last argument and may yield any number of results."""

    job_id: int
    method: str
    args: tuple[Any, ...]
    streaming: bool
    deadline: Deadline
    lane: str | None = None
    flag: CancelFlag = field(default_factory=CancelFlag)
    results: Iterator[Any] | None = None
    busy_ms: float = 0.0


def engine_info(engine: Any) -> dict[str, Any]:
    return {name: getattr(engine, name) for name in INFO_ATTRIBUTES if hasattr(engine, name)}


class EngineRunner:
    """`run` blocks until the queue is closed. All engine calls, generator closing included, happen on the calling thread."""

    def __init__(self, create: Callable[[], Any], queue: DeadlineQueue[Job], emit: Emit) -> None:
        self._create = create
        self._queue = queue
        self._emit = emit
        self._engine: Any = None
        self._jobs: dict[int, Job] = {}
        self._open_segments: set[str] = set()

    @property
    def idle(self) -> bool:
        return not self._jobs and not self._open_segments and not len(self._queue)

    def submit(self, job: Job) -> None:
        """Raises QueueFull. From any thread."""
        self._jobs[job.job_id] = job
        try:
            evicted = self._queue.put(job, job.deadline, job.lane)
        except QueueFull:
            del self._jobs[job.job_id]
            raise
        if evicted is not None:
            self._finish(evicted, "error", QueueFull("put aside for more urgent work"))

    def cancel(self, job_id: int) -> None:
        """From any thread. A queued job never starts; a running one stops at its next step."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        job.flag.set()
        if self._queue.discard(lambda queued: queued.job_id == job_id and queued.results is None):
            self._finish(job, "done", None)

    def streams(self, job_id: int) -> bool:
        """Whether more than one result is to be expected of this job."""
        job = self._jobs.get(job_id)
        return job is not None and job.streaming

    @property
    def loaded(self) -> bool:
        return self._engine is not None

    def abandon(self) -> None:
        """From any thread: what waits is never begun."""
        self._queue.discard(lambda _: True)

    def run(self, idle_after_ms: float | None, on_idle: Callable[[], bool]) -> None:
        """Serve until the queue closes, or until `on_idle` (called after that long without work) says to stop."""
        while True:
            job = self._queue.get(idle_after_ms)
            if job is not None:
                self._serve(job)
            elif self._queue.closed or (self.idle and on_idle()):
                return

    def unload(self) -> None:
        engine, self._engine = self._engine, None
        if engine is None:
            return
        try:
            engine.close()
        except Exception as error:  # it is given up in any case; the next job gets a new one
            print(f"{type(engine).__name__} did not close: {error}", file=sys.stderr)

    def _serve(self, job: Job) -> None:
        started_ms = clock.wall_ms()
        try:
            finished = self._step_through(job) if job.streaming else self._call(job)
        except SystemExit as error:  # some libraries end the process where others raise; only this job shall end
            self._close_results(job)
            self._finish(job, "error", RuntimeError(f"the engine wanted to exit ({error.code})"))
            return
        except Exception as error:
            self._close_results(job)
            self._finish(job, "error", error)
            return
        job.busy_ms += clock.wall_ms() - started_ms
        if finished:
            self._finish(job, "done", job.busy_ms)

    def _call(self, job: Job) -> bool:
        engine = self._loaded_engine()
        if job.method == "load":
            self._emit(job.job_id, "item", engine_info(engine))
            return True
        self._track_segments(job)
        result = getattr(engine, job.method)(*job.args)
        self._emit(job.job_id, "item", list(result) if isinstance(result, (Generator, Iterator)) else result)
        return True

    def _step_through(self, job: Job) -> bool:
        """Run the generator to its end; False when it was set aside for something more urgent."""
        engine = self._loaded_engine()
        self._track_segments(job)
        if job.results is None:
            job.results = iter(getattr(engine, job.method)(*job.args, job.flag))
        interleaves = bool(getattr(engine, "interleaves", False))
        for item in job.results:
            if job.flag.cancelled:
                break
            if isinstance(item, Wait):
                job.flag.sleep_ms(item.ms)
                continue
            self._emit(job.job_id, "item", item)
            if interleaves and self._set_aside(job):
                return False
        self._close_results(job)
        return True

    def _set_aside(self, job: Job) -> bool:
        """Queue the rest of a running job behind somebody who waits for sound, if there is such a one."""
        waiting = self._queue.most_urgent()
        if waiting is None or waiting > Deadline.NEXT_CHUNK:
            return False
        try:
            evicted = self._queue.put(job, Deadline.NEXT_CHUNK, job.lane)
        except QueueFull:
            return False
        if evicted is not None:
            self._finish(evicted, "error", QueueFull("put aside for more urgent work"))
        return True

    def _track_segments(self, job: Job) -> None:
        if job.method == "open_segment":
            self._open_segments.add(job.args[0])
        elif job.method in ("finish", "drop"):
            self._open_segments.discard(job.args[0])

    def _loaded_engine(self) -> Any:
        if self._engine is None:
            engine = self._create()
            engine.load()
            engine.warm_up()
            self._engine = engine
        return self._engine

    def _close_results(self, job: Job) -> None:
        if isinstance(job.results, Generator):
            try:
                job.results.close()
            except Exception as error:  # what it handed out stands; only its tidying failed
                print(f"{job.method} did not end in order: {error}", file=sys.stderr)

    def _finish(self, job: Job, kind: EventKind, value: Any) -> None:
        self._jobs.pop(job.job_id, None)
        self._emit(job.job_id, kind, value)
