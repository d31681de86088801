"""Hops of several listeners in one run: order, memory, windows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from stream_talk.engines.interfaces import Pcm16
from stream_talk.engines.vad_batch import MANY_LISTENERS, WINDOW_MS, BatchingVadEngine, HopBatches

NETWORK = object()
HOP = np.zeros(4, np.int16)


class Counting:
    """Its probability is how many of its hops it has seen, so that a wrong order shows."""

    sample_rate_hz = 16000
    hop_samples = 4
    shared = NETWORK

    def __init__(self) -> None:
        self.seen = 0
        self.sizes: list[int] = []

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing is slow."""

    def close(self) -> None:
        """Holds nothing."""

    def reset(self) -> None:
        self.seen = 0

    def probability(self, hop: Pcm16) -> float | None:
        self.seen += 1
        return float(self.seen)

    def together(self, engines: Sequence[Any], hops: Sequence[Pcm16]) -> list[float | None]:
        assert len(set(map(id, engines))) == len(engines)
        self.sizes.append(len(engines))
        return [engine.probability(hop) for engine, hop in zip(engines, hops, strict=True)]


def test_hops_of_one_round_of_the_loop_run_together_and_each_engine_in_its_order() -> None:
    async def run() -> None:
        batches = HopBatches()
        one, two = Counting(), Counting()
        assert isinstance(one, BatchingVadEngine)
        batch = batches.join(one)
        assert batches.join(two) is batch
        heard: list[tuple[str, float | None]] = []
        for name, engine in (("one", one), ("two", two), ("one", one)):
            batch.submit(engine, HOP, lambda p, name=name: heard.append((name, p)))
        assert heard == []
        await asyncio.sleep(0)
        assert heard == [("one", 1.0), ("two", 1.0), ("one", 2.0)]
        assert one.sizes == [2, 1]
        assert (batch.runs, batch.hops) == (2, 3)

    asyncio.run(run())


def test_many_listeners_share_a_window() -> None:
    async def run() -> None:
        batches = HopBatches()
        engines = [Counting() for _ in range(MANY_LISTENERS)]
        batch = [batches.join(engine) for engine in engines][-1]
        heard: list[float | None] = []
        batch.submit(engines[0], HOP, heard.append)
        await asyncio.sleep(0)
        batch.submit(engines[1], HOP, heard.append)
        assert heard == []
        await asyncio.sleep(2 * WINDOW_MS / 1000)
        assert heard == [1.0, 1.0] and engines[0].sizes == [2]

    asyncio.run(run())


def test_the_last_listener_takes_the_batch_with_it() -> None:
    async def run() -> None:
        batches = HopBatches()
        one, two = Counting(), Counting()
        batch = batches.join(one)
        batches.join(two)
        batches.leave(one, batch)
        assert batches.join(one) is batch
        batches.leave(one, batch)
        batches.leave(two, batch)
        assert batches.join(one) is not batch

    asyncio.run(run())


def test_another_network_has_a_batch_of_its_own() -> None:
    async def run() -> None:
        batches = HopBatches()
        other = Counting()
        other.shared = object()  # type: ignore[assignment]
        assert batches.join(Counting()) is not batches.join(other)

    asyncio.run(run())
