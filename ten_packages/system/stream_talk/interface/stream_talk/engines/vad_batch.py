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
RunTogether = Callable[[Sequence[Any], Sequence[Pcm16]], list[float | None]]


@runtime_checkable
class BatchingVadEngine(VadEngine, Protocol):
    """Engines with the same `shared` may run together."""

    shared: Any

    def together(self, engines: Sequence[Any], hops: Sequence[Pcm16]) -> list[float | None]:
        """One hop of each engine; all of them different."""


class HopBatch:
    """Of one loop and one network."""

    def __init__(self, run: RunTogether) -> None:
        self._run = run
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
        probabilities = self._run([engine for engine, _, _ in now], [hop for _, hop, _ in now])
        for (_, _, done), probability in zip(now, probabilities, strict=True):
            done(probability)
        return later


class HopBatches:
    """The batches of this process: one for each loop and each network in use."""

    def __init__(self) -> None:
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, HopBatch]] = WeakKeyDictionary()

    def join(self, engine: BatchingVadEngine) -> HopBatch:
        """On the loop that will submit."""
        batches = self._of_loop.setdefault(asyncio.get_running_loop(), {})
        batch = batches.setdefault(id(engine.shared), HopBatch(engine.together))
        batch.listeners += 1
        return batch

    def leave(self, engine: BatchingVadEngine, batch: HopBatch) -> None:
        batch.listeners -= 1
        batches = self._of_loop.get(asyncio.get_running_loop(), {})
        if not batch.listeners and batches.get(id(engine.shared)) is batch:
            del batches[id(engine.shared)]


hop_batches = HopBatches()
