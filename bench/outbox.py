"""`stream-talk bench outbox`: throughput of one dispatcher, and what arrives when processes are killed. Needs redis-server."""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.redis_server import missing, redis_server

HELP = "outbox: events per second of one dispatcher, and deliveries across kills (needs redis-server)"
_ROOT = Path(__file__).resolve().parent.parent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument(
        "--kills",
        type=int,
        default=0,
        help="also kill dispatchers, workers and writers this often (needs the checkout)",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")


def _throughput(directory: Path, url: str, events: int) -> dict[str, float]:
    from stream_talk.memory.conversations import Event, add_events
    from stream_talk.memory.database import open_database, transaction
    from stream_talk.memory.dispatcher import Dispatcher, DispatcherSettings

    sink_class = importlib.import_module("ten_packages.extension.outbox_python.engine").RedisSink
    path = directory / "memory.db"
    connection = open_database(path)
    with transaction(connection):
        for n in range(events):
            add_events(connection, f"s{n % 50}", n, [Event("analytics.turn", {"ttfa_ms": n}, f"k{n}")], n)
    connection.close()
    dispatcher = Dispatcher(
        path, sink_class(url, max_stream_length=events * 2, max_event_bytes=100_000), DispatcherSettings()
    )
    started = time.perf_counter()
    while dispatcher.step():
        pass
    elapsed = time.perf_counter() - started
    dispatcher.close()
    return {"events": float(events), "seconds": elapsed, "events_per_s": events / elapsed}


def _writers(kills: int, seed: int) -> dict[str, str]:
    """What a file holds after its writer was killed, and at random instants as if the power had gone."""
    writer_run = importlib.import_module("writer_run")
    with tempfile.TemporaryDirectory() as name:
        after = writer_run.kill_writers(Path(name) / "memory.db", kills, random.Random(seed))
    with tempfile.TemporaryDirectory() as name:
        cuts = writer_run.cut_power(Path(name) / "memory.db", kills, random.Random(seed))
    whole = sum(cut.complete for cut in cuts)
    kept = "all kept, each with its event" if after.complete else f"BROKEN: {after}"
    return {
        f"writer killed {kills} times": f"{after.acknowledged} turns acknowledged, {kept}",
        f"power cut {kills} times": f"{whole} files whole, over {cuts[-1].acknowledged} turns",
    }


def run(args: argparse.Namespace) -> int:
    if (reason := missing()) is not None:
        print(reason, file=sys.stderr)
        return 1
    sys.path.insert(0, str(_ROOT))
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as server:
        result["throughput"] = _throughput(Path(name), server.url, args.events)
    if args.kills:
        sys.path.insert(0, str(_ROOT / "tests" / "memory"))
        crash_run = importlib.import_module("crash_run").crash_run
        with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as server:
            workers = max(1, args.kills // 10)
            report = crash_run(
                Path(name), server.url, dispatcher_kills=args.kills - workers, worker_kills=workers, seed=args.seed
            )
        result["crashes"] = asdict(report)
        result["writers"] = _writers(args.kills, args.seed)
    if args.json:
        print(json.dumps(result, indent=2))
        return 0
    print(f"one dispatcher: {result['throughput']['events_per_s']:,.0f} events/s")
    for key, value in result.get("crashes", {}).items():
        print(f"  {key.replace('_', ' ')}: {value}")
    for key, value in result.get("writers", {}).items():
        print(f"{key}: {value}")
    return 0
