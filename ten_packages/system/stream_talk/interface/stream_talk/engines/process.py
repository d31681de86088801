"""Host side of a worker process: spawns it, feeds it, and brings it back when it dies.

One supervisor thread owns the process and all bookkeeping, so there is nothing to lock; reader threads only forward what
arrives. Threads instead of asyncio pipes, because sessions on different event loops share one worker, and because it is the same
on every platform.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream_talk.engines import codec
from stream_talk.engines.runner import EventKind, Job
from stream_talk.engines.spec import EngineSpec

_KIT_ROOT = str(Path(__file__).resolve().parents[2])
_RESTART_DELAYS_MS = (0.0, 500.0, 1000.0, 2000.0, 4000.0)


class EngineCrashed(RuntimeError):
    """The worker died while it had this job."""


@dataclass
class WorkerSettings:
    interpreter: str = sys.executable
    memory_limit_mb: float | None = None
    idle_ttl_ms: float | None = None
    queue_limit: int = 256


@dataclass
class _Exited:
    process: subprocess.Popen[bytes]


class ProcessSupervisor:
    def __init__(
        self, spec: EngineSpec, settings: WorkerSettings, deliver: Callable[[Job, EventKind, Any], None]
    ) -> None:
        self._spec = spec
        self._settings = settings
        self._deliver = deliver
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: dict[int, Job] = {}
        self._unsent: deque[Job] = deque()
        self._farewell: str | None = None
        self._answered = False  # the worker has given a result: its engine is loaded
        self._stderr: deque[str] = deque(maxlen=30)
        self._failures = 0
        self._stopping = threading.Event()
        self.restarts = 0
        self._thread = threading.Thread(target=self._supervise, name=f"engine-{spec.label}", daemon=True)
        self._thread.start()

    # --- called from any thread -----------------------------------------------------------------------------------

    @property
    def outstanding(self) -> int:
        return len(self._jobs)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None else None

    def submit(self, job: Job) -> None:
        self._jobs[job.job_id] = job
        self._inbox.put(job)

    def cancel(self, job_id: int) -> None:
        job = self._jobs.get(job_id)
        if job is not None:
            job.flag.set()
            self._inbox.put({"t": "cancel", "id": job_id})

    def kill(self) -> None:
        """End a worker that no longer answers; what it had fails as crashed and a new one starts."""
        process = self._process
        if process is not None:
            process.kill()

    def kill_if_stuck(self, job_id: int) -> None:
        """End the worker if it still has this job, unless it is only loading: that would begin again from the start."""
        if job_id in self._jobs and self._answered:
            self.kill()

    def close(self, timeout_ms: float = 2000.0) -> None:
        self._stopping.set()
        self._inbox.put(None)
        self._thread.join(timeout_ms / 1000.0)
        if self._thread.is_alive():
            self.kill()

    # --- supervisor thread ----------------------------------------------------------------------------------------

    def _supervise(self) -> None:
        while True:
            event = self._inbox.get()
            if event is None:
                self._stop()
                return
            if isinstance(event, Job):
                self._unsent.append(event)
            elif isinstance(event, _Exited):
                self._on_exit(event)
            elif event["t"] == "cancel":
                self._forward_cancel(event)
            if self._unsent:
                self._flush()

    def _flush(self) -> None:
        if self._process is None and not self._spawn():
            return
        while self._unsent:
            job = self._unsent.popleft()
            if job.flag.cancelled:
                self._settle(job.job_id, "done", None)
                continue
            self._write(
                {
                    "t": "job",
                    "id": job.job_id,
                    "method": job.method,
                    "args": list(job.args),
                    "streaming": job.streaming,
                    "deadline": int(job.deadline),
                    "lane": job.lane,
                }
            )

    def _forward_cancel(self, event: dict[str, Any]) -> None:
        queued = [job for job in self._unsent if job.job_id == event["id"]]
        for job in queued:
            self._unsent.remove(job)
            self._settle(job.job_id, "done", None)
        if not queued and self._process is not None:
            self._write(event)

    def _spawn(self) -> bool:
        delay_ms = _RESTART_DELAYS_MS[min(max(self._failures - 1, 0), len(_RESTART_DELAYS_MS) - 1)]
        if self._stopping.wait(delay_ms / 1000.0):
            return False
        env = dict(os.environ)
        env["PYTHONPATH"] = os.pathsep.join(p for p in (_KIT_ROOT, env.get("PYTHONPATH")) if p)
        try:
            process = subprocess.Popen(
                [self._settings.interpreter, "-m", "stream_talk.engines.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
                bufsize=0,
            )
        except OSError as error:
            self._fail_all(EngineCrashed(f"cannot start {self._settings.interpreter}: {error}"))
            return False
        self._process, self._farewell, self._answered = process, None, False
        for target in (self._read_results, self._read_stderr):
            threading.Thread(target=target, args=(process,), name=target.__name__, daemon=True).start()
        self._write(
            {
                "module": self._spec.module,
                "file": self._spec.file,
                "class_name": self._spec.class_name,
                "options_json": self._spec.options_json,
                "memory_limit_mb": self._settings.memory_limit_mb,
                "idle_ttl_ms": self._settings.idle_ttl_ms,
                "queue_limit": self._settings.queue_limit,
            }
        )
        return True

    def _write(self, message: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            view = memoryview(codec.encode(message))
            while view:
                view = view[process.stdin.write(view) :]
        except OSError:
            return  # the worker died; its reader thread reports the exit, which settles every job

    def _on_exit(self, event: _Exited) -> None:
        if event.process is not self._process:
            return
        self._process = None
        code = event.process.wait()
        if self._farewell is not None:
            # It left by itself between two jobs; what crossed its farewell on the way simply goes to the next worker.
            self._unsent = deque(self._jobs.values())
            return
        self._failures += 1
        self.restarts += 1
        tail = " | ".join(self._stderr)
        self._fail_all(EngineCrashed(f"worker of {self._spec.label} ended with code {code}. {tail}".strip()))
        if self._failures < len(_RESTART_DELAYS_MS):
            # Warm again before somebody asks; a worker that dies at every start waits for the next job instead.
            self._spawn()
            self._write(
                {"t": "job", "id": 0, "method": "load", "args": [], "streaming": False, "deadline": 0, "lane": None}
            )

    def _fail_all(self, error: EngineCrashed) -> None:
        self._unsent.clear()
        for job_id in list(self._jobs):
            self._settle(job_id, "error", error)

    def _settle(self, job_id: int, kind: EventKind, value: Any) -> None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            self._deliver(job, kind, value)

    def _stop(self) -> None:
        if self._process is not None:
            self._write({"t": "quit"})
            process, self._process = self._process, None
            try:
                process.wait(1.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._fail_all(EngineCrashed(f"{self._spec.label} was closed"))

    # --- reader threads -------------------------------------------------------------------------------------------

    def _read_results(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with open(process.stdout.fileno(), "rb", closefd=False) as stream:
            while (message := codec.read_message(stream)) is not None:
                self._on_message(message)
        process.stdout.close()
        self._inbox.put(_Exited(process))

    def _on_message(self, message: dict[str, Any]) -> None:
        kind = message["t"]
        if kind == "bye":
            self._farewell = message["reason"]
        elif kind == "item":
            self._answered = True
            job = self._jobs.get(message["id"])
            if job is not None:
                self._deliver(job, "item", message["value"])
        else:
            if kind == "done":
                self._answered = True
                self._failures = 0
            self._settle(message["id"], kind, message["value"])

    def _read_stderr(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                self._stderr.append(line.decode(errors="replace").rstrip())
