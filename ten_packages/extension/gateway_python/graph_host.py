"""What the gateway needs from whatever runs conversations: start a graph, speak through its ports, stop it.

The extension implements this on the TEN runtime; tests and load runs implement it without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class GraphFailed(RuntimeError):
    """The graph cannot run. The text says why and what to do."""


class GraphEvents(Protocol):
    """What a running graph says to its session. Called on the event loop; must not block."""

    def on_graph_audio(self, pcm: bytes, sample_rate_hz: int, metadata: Mapping[str, Any]) -> None: ...

    def on_graph_data(self, name: str, payload: Mapping[str, Any]) -> None: ...

    def on_graph_cmd(self, name: str, payload: Mapping[str, Any]) -> None: ...


class RunningGraph(Protocol):
    """One conversation's graph."""

    name: str

    async def send_audio(self, pcm: bytes, timestamp_ms: int) -> None:
        """Microphone, 16 kHz mono s16le."""

    async def send_data(self, name: str, payload: Mapping[str, Any]) -> None: ...

    def statistics(self) -> dict[str, Any]:
        """`{"name", "nodes": [...], "edges": [...]}` as in docs/protocols.md 1.9."""

    async def stop(self) -> None: ...


class StageHost(Protocol):
    async def start_stage(
        self, graph: str, role: str, events: GraphEvents, properties: Mapping[str, Any]
    ) -> RunningGraph:
        """Start only the node `role` (`stt` or `tts`) of a graph, with some properties changed. Raises `GraphFailed`."""


class GraphHost(StageHost, Protocol):
    async def start(self, graph: str, session_id: str, events: GraphEvents, *, greet: bool) -> RunningGraph:
        """Start a conversation; without `greet` it is the continuation of one. Raises `GraphFailed`."""

    def running_graphs(self) -> int: ...

    def queue_ms(self) -> float:
        """How long new work would wait for the busiest shared engine."""

    def engines(self) -> dict[str, Any]:
        """State of each shared engine, for `/health`."""
