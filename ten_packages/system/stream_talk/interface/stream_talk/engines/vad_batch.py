"""Hops of several conversations in one run of a network.

A network that takes a batch needs a third of the time per hop when it gets sixteen at once, and its weights come into the cache
once. So the hops that arrive in one round of the loop are run together; with many listeners, those of `WINDOW_MS`. A
conversation that is alone waits for nothing but the round it is in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from stream_talk.engines.interfaces import Pcm16, VadEngine

WINDOW_MS = 5.0
MANY_LISTENERS = 12

OnProbability = Callable[[float | None], None]


class Network(Protocol):
    """What engines share. It outlives each of them."""

    def together(self, engines: Sequence[Any], hops: Sequence[Pcm16]) -> list[float | None]:
        """One hop of each engine; all of them different."""


@runtime_checkable
class BatchingVadEngine(VadEngine, Protocol):
    """Engines of the same network may run together."""

    @property
    def network(self) -> Network | None: ...


class HopBatch:
    """Of one loop and one network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._waiting: list[tuple[VadEngine, Pcm16, OnProbability]] = []
        self.listeners = 0
        self.runs = 0
        self.hops = 0

    def submit(self, engine: VadEngine, hop: Pcm16, done: OnProbability) -> None:
        """`done` is called on the loop, in the order in which an engine's hops were submitted."""
        self._waiting.append((engine, hop, done))
        if len(self._waiting) > 1:
            return
        loop = asyncio.get_running_loop()
        if self.listeners < MANY_LISTENERS:
            loop.call_soon(self._flush)
        else:
            loop.call_later(WINDOW_MS / 1000.0, self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        while waiting:
            waiting = self._run_round(waiting)

    def _run_round(
        self, waiting: list[tuple[VadEngine, Pcm16, OnProbability]]
    ) -> list[tuple[VadEngine, Pcm16, OnProbability]]:
        """The oldest hop of every engine, because what it remembers of that one goes into the next. Returns what is left."""
        first: dict[int, tuple[VadEngine, Pcm16, OnProbability]] = {}
        later = []
        for item in waiting:
            if first.setdefault(id(item[0]), item) is not item:
                later.append(item)
        now = list(first.values())
        self.runs += 1
        self.hops += len(now)
        probabilities: list[float | None] = [None] * len(now)
        try:
            probabilities = self._network.together([engine for engine, _, _ in now], [hop for _, hop, _ in now])
        except Exception as error:  # told, and every listener gets an answer all the same
            asyncio.get_running_loop().call_exception_handler(
                {"message": "the voice detector failed", "exception": error}
            )
        for (_, _, done), probability in zip(now, probabilities, strict=True):
            done(probability)
        return later


class HopBatches:
    """The batches of this process: one for each loop and each network in use."""

    def __init__(self) -> None:
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, HopBatch]] = WeakKeyDictionary()

    def join(self, network: Network) -> HopBatch:
        """On the loop that will submit."""
        batches = self._of_loop.setdefault(asyncio.get_running_loop(), {})
        batch = batches.setdefault(id(network), HopBatch(network))  # it keeps the network, and so its id
        batch.listeners += 1
        return batch

    def leave(self, network: Network) -> None:
        batches = self._of_loop.get(asyncio.get_running_loop(), {})
        batch = batches[id(network)]
        batch.listeners -= 1
        if not batch.listeners:
            del batches[id(network)]


hop_batches = HopBatches()
