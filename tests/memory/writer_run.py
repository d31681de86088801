"""Writers of turns that are killed, or stopped for an instant while their file is copied, at random moments."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from stream_talk.memory.conversations import Entry, Event, append_turn
from stream_talk.memory.database import open_database

SESSION = "s"


@dataclass
class Survivor:
    """What a file holds, beside what was acknowledged before."""

    acknowledged: int
    turns: list[int]
    events: list[int]
    sound: bool

    @property
    def complete(self) -> bool:
        """Every acknowledged turn with its event, once each, and at most the unfinished turn beyond."""
        expected = list(range(len(self.turns)))
        unfinished = len(self.turns) - self.acknowledged
        return self.sound and self.turns == self.events == expected and unfinished in (0, 1)


def write_turns(path: str, first: int, acks: Connection) -> None:
    """Say each turn's number after it is on disk, as `turn` is announced after it is stored."""
    connection = open_database(Path(path))
    for turn in itertools.count(first):
        entries = [Entry("user", f"question {turn}", turn), Entry("assistant", "answer " * (turn % 97), turn)]
        append_turn(connection, SESSION, turn, entries, [Event("analytics.turn", {"n": turn}, f"{SESSION}#{turn}")])
        acks.send_bytes(b"%d" % turn)


@contextmanager
def writer(path: Path, first: int) -> Iterator[tuple[int, Connection]]:
    """(process id, acknowledgements); killed at the end."""
    context = multiprocessing.get_context("forkserver")
    acks, theirs = context.Pipe(duplex=False)
    process = context.Process(target=write_turns, args=(str(path), first, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        assert process.pid is not None
        yield process.pid, acks
    finally:
        process.kill()
        process.join()
        acks.close()


def _acknowledged(acks: Connection, before: int) -> int:
    """How many turns are acknowledged by now."""
    while acks.poll():
        try:
            before = int(acks.recv_bytes()) + 1
        except EOFError:
            break
    return before


def survivor(path: Path, acknowledged: int) -> Survivor:
    connection = open_database(path)
    try:
        turns = [row[0] for row in connection.execute("SELECT DISTINCT turn FROM turns ORDER BY turn")]
        events = [row[0] for row in connection.execute("SELECT turn FROM outbox_events ORDER BY id")]
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return Survivor(acknowledged, turns, events, sound)
    finally:
        connection.close()


def kill_writers(path: Path, kills: int, rng: random.Random) -> Survivor:
    acknowledged = 0
    for _ in range(kills):
        with writer(path, acknowledged) as (pid, acks):
            acks.poll(30)  # it writes by now
            time.sleep(rng.uniform(0.0, 0.05))
            os.kill(pid, signal.SIGKILL)
            acknowledged = _acknowledged(acks, acknowledged)
    return survivor(path, acknowledged)


def cut_power(path: Path, cuts: int, rng: random.Random) -> list[Survivor]:
    """The file and its log as they are at random instants of a run, each opened elsewhere."""
    survivors = []
    with writer(path, 0) as (pid, acks):
        acks.poll(30)
        acknowledged = 0
        for number in range(cuts):
            time.sleep(rng.uniform(0.0, 0.04))
            os.kill(pid, signal.SIGSTOP)
            _wait_until_stopped(pid)
            acknowledged = _acknowledged(acks, acknowledged)
            copy = path.parent / f"cut{number}" / path.name
            copy.parent.mkdir()
            for name in (path.name, f"{path.name}-wal"):
                shutil.copy(path.with_name(name), copy.with_name(name))
            os.kill(pid, signal.SIGCONT)
            survivors.append(survivor(copy, acknowledged))
            shutil.rmtree(copy.parent)
    return survivors


def _wait_until_stopped(pid: int) -> None:
    """Linux: the state is the first word after the name."""
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)
