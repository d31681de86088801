"""The worker process: `python -m stream_talk.engines.worker`. Speaks `codec` messages on its standard streams.

It imports numpy and the engine's module and nothing else of the kit that is heavy, because its interpreter may belong to another
environment. It ends when its host does, when told to, after a time without work, or when it holds too much memory.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any, BinaryIO

from stream_talk.engines import codec
from stream_talk.engines.deadline_queue import Deadline, DeadlineQueue, QueueFull
from stream_talk.engines.memory import resident_mb
from stream_talk.engines.runner import EngineRunner, EventKind, Job
from stream_talk.engines.spec import EngineSpec

# Over the limit, a worker is replaced as soon as it is idle; this far over it, at once, and its jobs begin again elsewhere.
_HARD_LIMIT = 1.5
_OVER_MEMORY = 70  # exit code


class Worker:
    def __init__(self, source: BinaryIO, sink: BinaryIO, setup: dict[str, Any]) -> None:
        self._source = source
        self._sink = sink
        self._sending = threading.Lock()
        self._memory_limit_mb: float | None = setup["memory_limit_mb"]
        self._idle_ttl_ms: float | None = setup["idle_ttl_ms"]
        spec = EngineSpec(setup["module"], setup["file"], setup["class_name"], setup["options_json"])
        self._queue: DeadlineQueue[Job] = DeadlineQueue(setup["queue_limit"])
        self._runner = EngineRunner(spec.create, self._queue, self._emit)
        self._farewell = "quit"

    def run(self) -> None:
        reader = threading.Thread(target=self._read, name="worker-reader", daemon=True)
        reader.start()
        self._runner.run(self._idle_ttl_ms, self._say_farewell_when_idle)
        self._runner.unload()
        self._send({"t": "bye", "reason": self._farewell})

    def _read(self) -> None:
        while True:
            message = codec.read_message(self._source)
            if message is None:
                # The host is gone. An engine may be stuck in native code, so nothing is awaited.
                os._exit(0)
            kind = message["t"]
            if kind == "job":
                self._accept(message)
            elif kind == "cancel":
                self._runner.cancel(message["id"])
            elif kind == "quit":
                self._queue.close()

    def _accept(self, message: dict[str, Any]) -> None:
        job = Job(
            message["id"],
            message["method"],
            tuple(message["args"]),
            message["streaming"],
            Deadline(message["deadline"]),
            message["lane"],
        )
        try:
            self._runner.submit(job)
        except QueueFull as error:
            self._emit(job.job_id, "error", error)

    def _emit(self, job_id: int, kind: EventKind, value: Any) -> None:
        self._send({"t": kind, "id": job_id, "value": value})
        limit_mb = self._memory_limit_mb
        if limit_mb is None or (kind == "item" and not self._runner.streams(job_id)):
            return
        held_mb = resident_mb()
        if held_mb > limit_mb and kind != "item" and self._runner.idle:
            self._farewell = "memory"
            self._queue.close()
        elif held_mb > limit_mb * _HARD_LIMIT:
            print(f"{held_mb:.0f} MB held, {limit_mb:.0f} MB allowed", file=sys.stderr, flush=True)
            os._exit(_OVER_MEMORY)

    def _say_farewell_when_idle(self) -> bool:
        self._farewell = "idle"
        return True

    def _send(self, message: dict[str, Any]) -> None:
        data = codec.encode(message)
        with self._sending:
            self._sink.write(data)
            self._sink.flush()


def take_over_stdout() -> BinaryIO:
    """Keep the protocol's pipe to ourselves: whatever a library prints goes to stderr."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(private, os.O_BINARY)
    return os.fdopen(private, "wb", buffering=0)


def main() -> int:
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C in a terminal reaches the whole group; the host decides when we end
    sink = take_over_stdout()
    source = sys.stdin.buffer
    setup = codec.read_message(source)
    if setup is None:
        return 1
    Worker(source, sink, setup).run()
    return 0


if __name__ == "__main__":
    exit_code = main()
    # Engine libraries leave threads behind that would keep an orderly interpreter exit waiting.
    sys.stderr.flush()
    os._exit(exit_code)
