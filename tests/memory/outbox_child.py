"""A process that dispatches the outbox of argv[1] to the Redis of argv[2] until it is killed."""

import importlib
import sys
from pathlib import Path

from stream_talk.memory.dispatcher import Dispatcher, DispatcherSettings, DispatcherThread

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
RedisSink = importlib.import_module("ten_packages.extension.outbox_python.engine").RedisSink

if __name__ == "__main__":
    settings = DispatcherSettings(batch=20, lease_ms=150, flush_interval_ms=5)
    sink = RedisSink(sys.argv[2], max_stream_length=100_000, max_event_bytes=100_000)
    thread = DispatcherThread(Dispatcher(Path(sys.argv[1]), sink, settings), settings)
    thread.start()
    print("ready", flush=True)
    sys.stdin.read()
