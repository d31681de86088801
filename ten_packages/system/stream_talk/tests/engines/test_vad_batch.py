"""Hops of several listeners in one run: order, memory, windows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from stream_talk.engines.interfaces import Pcm16
from stream_talk.engines.vad_batch import MANY_LISTENERS, WINDOW_MS, BatchingVadEngine, HopBatches

HOP = np.zeros(4, np.int16)


class Counted:
    """A network that notes how many hops it is given at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.is_broken = False

    def together(self, engines: Sequence[Any], hops: Sequence[Pcm16]) -> list[float | None]:
        if self.is_broken:
            raise RuntimeError("no more")
        assert len(set(map(id, engines))) == len(engines)
        self.sizes.append(len(engines))
        return [engine.probability(hop) for engine, hop in zip(engines, hops, strict=True)]


class Counting:
    """Its probability is how many of its hops it has seen, so that a wrong order shows."""

    sample_rate_hz = 16000
    hop_samples = 4

    def __init__(self, network: Counted) -> None:
        self.network = network
        self.seen = 0

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


def test_hops_of_one_round_of_the_loop_run_together_and_each_engine_in_its_order() -> None:
    async def run() -> None:
        network = Counted()
        one, two = Counting(network), Counting(network)
        assert isinstance(one, BatchingVadEngine)
        batches = HopBatches()
        batch = batches.join(network)
        assert batches.join(network) is batch
        heard: list[tuple[str, float | None]] = []
        for name, engine in (("one", one), ("two", two), ("one", one)):
            batch.submit(engine, HOP, lambda p, name=name: heard.append((name, p)))
        assert heard == []
        await asyncio.sleep(0)
        assert heard == [("one", 1.0), ("two", 1.0), ("one", 2.0)]
        assert network.sizes == [2, 1]
        assert (batch.runs, batch.hops) == (2, 3)

    asyncio.run(run())


def test_many_listeners_share_a_window() -> None:
    async def run() -> None:
        network, batches = Counted(), HopBatches()
        batch = [batches.join(network) for _ in range(MANY_LISTENERS)][-1]
        heard: list[float | None] = []
        batch.submit(Counting(network), HOP, heard.append)
        await asyncio.sleep(0)
        batch.submit(Counting(network), HOP, heard.append)
        assert heard == []
        await asyncio.sleep(2 * WINDOW_MS / 1000)
        assert heard == [1.0, 1.0] and network.sizes == [2]

    asyncio.run(run())


def test_the_last_listener_takes_the_batch_with_it() -> None:
    async def run() -> None:
        network, batches = Counted(), HopBatches()
        batch = batches.join(network)
        batches.join(network)
        batches.leave(network)
        assert batches.join(network) is batch
        batches.leave(network)
        batches.leave(network)
        assert batches.join(network) is not batch

    asyncio.run(run())


def test_another_network_has_a_batch_of_its_own() -> None:
    async def run() -> None:
        batches = HopBatches()
        assert batches.join(Counted()) is not batches.join(Counted())

    asyncio.run(run())


def test_when_the_network_fails_every_listener_gets_an_answer() -> None:
    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context["exception"]))
        network = Counted()
        network.is_broken = True
        batch = HopBatches().join(network)
        heard: list[float | None] = []
        for _ in range(2):
            batch.submit(Counting(network), HOP, heard.append)
        await asyncio.sleep(0)
        assert heard == [None, None]
        network.is_broken = False
        batch.submit(Counting(network), HOP, heard.append)
        await asyncio.sleep(0)
        assert heard == [None, None, 1.0]

    failures: list[BaseException] = []
    asyncio.run(run())
    assert [str(failure) for failure in failures] == ["no more"]
