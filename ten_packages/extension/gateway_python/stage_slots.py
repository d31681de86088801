"""Voices and ears for single requests, never more at once than leaves the conversations their engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .admission import AtCapacity, Decision
from .graph_host import GraphEvents, RunningGraph, StageHost


class StageSlots:
    """`admission` says whether anybody at all is let in."""

    def __init__(self, host: StageHost, places: int, admission: Callable[[], Decision], retry_after_ms: int) -> None:
        self.taken = 0
        self._host = host
        self._places = places
        self._admission = admission
        self._retry_after_ms = retry_after_ms

    async def start_stage(
        self, graph: str, role: str, events: GraphEvents, properties: Mapping[str, Any]
    ) -> RunningGraph:
        """Raises `AtCapacity` or `GraphFailed`."""
        decision = self._admission()
        if decision.accepted and self.taken >= self._places:
            reason = f"all {self._places} places for single requests are taken"
            decision = Decision(False, reason, self._retry_after_ms)
        if not decision.accepted:
            raise AtCapacity(decision)
        self.taken += 1
        try:
            return _Taken(await self._host.start_stage(graph, role, events, properties), self._give_back)
        except BaseException:
            self.taken -= 1
            raise

    def _give_back(self) -> None:
        self.taken -= 1


class _Taken:
    """A running stage whose place is free again when it has stopped."""

    def __init__(self, stage: RunningGraph, give_back: Callable[[], None]) -> None:
        self.name = stage.name
        self.send_audio = stage.send_audio
        self.send_data = stage.send_data
        self.statistics = stage.statistics
        self._stage = stage
        self._give_back: Callable[[], None] | None = give_back

    async def stop(self) -> None:
        give_back, self._give_back = self._give_back, None
        try:
            await self._stage.stop()
        finally:
            if give_back is not None:
                give_back()
