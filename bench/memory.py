"""`stream-talk bench memory`: what memory costs on the audio loop, resume of a long conversation, retrieval over many memories."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HELP = "memory: cost per turn on the loop, resume of 1,000 turns, retrieval over 100,000 items"
_VOCABULARY = 5_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=1_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--embeddings", type=int, default=384, metavar="SIZE", help="0: words only")
    parser.add_argument("--json", action="store_true")


def _percentiles(values_ms: list[float]) -> dict[str, float]:
    ordered = sorted(values_ms)
    return {
        name: ordered[min(len(ordered) - 1, int(share * len(ordered)))]
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


def _timed(repeat: int, work: Callable[[], object]) -> dict[str, float]:
    """Also how much processor one took in the mean, which a busy machine does not change much."""
    values = []
    busy = time.process_time()
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        values.append((time.perf_counter() - started) * 1000)
    return {**_percentiles(values), "cpu": (time.process_time() - busy) * 1000 / repeat}


async def _loop_cost(path: Path, turns: int) -> dict[str, float]:
    """Time that the loop itself is busy for one append: handing over, and taking the answer."""
    from stream_talk.memory.conversations import Entry, append_turn
    from stream_talk.memory.service import MemoryService

    service = MemoryService(path)
    costs = []
    for turn in range(turns):
        entries = [Entry("user", f"question {turn}", turn), Entry("assistant", f"answer {turn} " * 20, turn)]
        started = time.perf_counter()
        future = asyncio.wrap_future(service.submit(lambda c, e=entries, t=turn: append_turn(c, "s", t, e, [])))  # type: ignore[misc]
        handed_over = time.perf_counter()
        await future
        costs.append((handed_over - started) * 1000)
    service.close()
    return _percentiles(costs)


def _words(rng: random.Random, count: int) -> list[str]:
    """Words as unequally frequent as those of a language: the n-th is n times rarer than the first."""
    return [f"word{int(_VOCABULARY ** rng.random())}" for _ in range(count)]


def _fill(path: Path, items: int, size: int, rng: random.Random) -> None:
    import numpy as np
    from stream_talk.memory.database import open_database
    from stream_talk.memory.long_term import NewItem, SqliteLongTermStore

    connection = open_database(path)
    store = SqliteLongTermStore(connection, embedding_model="bench")
    vectors = np.random.default_rng(0).normal(size=(items, size)).tolist() if size else [None] * items
    texts = (f"The user said about {' '.join(_words(rng, 8))} number {n}." for n in range(items))
    store.add(
        [
            NewItem("fact", t, "s", 0, 1, f"k{n}", v, "bench")
            for n, (t, v) in enumerate(zip(texts, vectors, strict=True))
        ]
    )
    connection.close()


def _retrieval(path: Path, size: int, rng: random.Random, index: str) -> dict[str, float] | str:
    """A search by words, and by meaning with the vectors in SQLite (sqlite-vec) or in memory (numpy)."""
    import numpy as np
    from stream_talk.memory import sqlite_vec
    from stream_talk.memory.database import open_database
    from stream_talk.memory.long_term import SqliteLongTermStore
    from stream_talk.memory.vectors import NumpyIndex, SqliteVecIndex

    connection = open_database(path)
    if index == "sqlite-vec" and not sqlite_vec.load(connection):
        connection.close()
        return "left out: not installed, or this Python's SQLite loads no extensions"
    vectors = {"numpy": NumpyIndex, "sqlite-vec": SqliteVecIndex}[index]("bench") if size else None
    store = SqliteLongTermStore(connection, vectors=vectors)
    vector = np.random.default_rng(1).normal(size=size).tolist() if size else None
    store.search("warm up", limit=5, embedding=vector)
    measured = _timed(
        60,
        lambda: store.search(f"what did I say about {' and '.join(_words(rng, 3))}?", limit=5, embedding=vector),
    )
    connection.close()
    return measured


def run(args: argparse.Namespace) -> int:
    from stream_talk.memory.conversations import load_history
    from stream_talk.memory.database import open_database

    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "memory.db"
        result: dict[str, dict[str, float] | str] = {"append_on_loop_ms": asyncio.run(_loop_cost(path, args.turns))}
        connection = open_database(path)
        result["resume_ms"] = _timed(
            50, lambda: load_history(connection, "s", max_turns=args.turns, max_tokens=1_000_000)
        )
        connection.close()
        _fill(path, args.items, args.embeddings, rng)
        for index in ("numpy", "sqlite-vec") if args.embeddings else ("numpy",):
            result[f"retrieval_ms, {index if args.embeddings else 'words only'}"] = _retrieval(
                path, args.embeddings, rng, index
            )
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        for row, values in result.items():
            shown = values if isinstance(values, str) else "  ".join(f"{k} {v:.3f}" for k, v in values.items())
            print(f"{row:<26} {shown}")
    return 0
