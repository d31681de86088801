"""Kills dispatchers and workers at random moments and counts what arrives. Used by a short test and by `stream-talk bench outbox`."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import redis
from stream_talk.memory import outbox
from stream_talk.memory.conversations import Entry, Event, append_turn
from stream_talk.memory.database import open_database

CHILD = Path(__file__).with_name("outbox_child.py")


@dataclass
class CrashReport:
    kills: int
    events: int
    delivered: int
    duplicates_on_the_wire: int
    effects: int
    in_order: bool


def _write(connection, number: int) -> None:
    session = f"s{number % 7}"
    append_turn(
        connection, session, number,
        [Entry("user", f"I like number {number} tea.", ts_ms=number)],
        [Event("analytics.turn", {"ttfa_ms": number}, f"{session}#{number}/analytics")],
    )  # fmt: skip


def _dispatch_with_kills(path: Path, url: str, kills: int, rng: random.Random) -> int:
    """Write events while dispatchers are started and killed; returns how many events were written."""
    connection = open_database(path)
    written = 0
    for _ in range(kills):
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(path), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        deadline, at_least = time.monotonic() + rng.uniform(0.0, 0.06), written + 5
        while time.monotonic() < deadline or written < at_least:
            _write(connection, written)
            written += 1
        child.kill()
        child.wait()
    connection.close()
    return written


def _finish(path: Path, url: str) -> None:
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(path), url], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    connection = open_database(path)
    deadline = time.monotonic() + 60
    while outbox.statistics(connection)["pending"] and time.monotonic() < deadline:
        time.sleep(0.05)
    connection.close()
    child.kill()
    child.wait()


def _consume_with_kills(url: str, store: Path, kills: int, rng: random.Random) -> None:
    command = [
        sys.executable,
        "-m",
        "stream_talk_cli.main",
        "worker",
        "analytics",
        "--redis",
        url,
        "--file",
        str(store),
    ]
    for number in range(kills):
        worker = subprocess.Popen([*command, "--name", f"w{number}"], stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3, 0.6))
        worker.kill()
        worker.wait()
    last = [*command, "--name", "last", "--reclaim-after", "0", "--until-empty"]
    subprocess.run(last, check=True, timeout=120, stderr=subprocess.DEVNULL)


def crash_run(directory: Path, url: str, *, dispatcher_kills: int, worker_kills: int, seed: int) -> CrashReport:
    import sqlite3

    rng = random.Random(seed)
    path, store = directory / "memory.db", directory / "analytics.db"
    events = _dispatch_with_kills(path, url, dispatcher_kills, rng)
    _finish(path, url)
    client = redis.Redis.from_url(url, decode_responses=True)
    entries = [fields for _, fields in client.xrange("events.analytics")]
    keys = [fields["idempotencyKey"] for fields in entries]
    first_seen = list(dict.fromkeys(keys))
    turns: dict[str, list[int]] = {}
    for key in first_seen:
        session, _, rest = key.partition("#")
        turns.setdefault(session, []).append(int(rest.partition("/")[0]))
    _consume_with_kills(url, store, worker_kills, rng)
    effects = sqlite3.connect(store).execute("SELECT count(*) FROM turns").fetchone()[0]
    client.close()
    return CrashReport(
        kills=dispatcher_kills + worker_kills,
        events=events,
        delivered=len(first_seen),
        duplicates_on_the_wire=len(keys) - len(first_seen),
        effects=effects,
        in_order=all(order == sorted(order) for order in turns.values()),
    )
