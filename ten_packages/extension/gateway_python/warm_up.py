"""Keeps the engines of the default graph loaded while the server is up, by holding one silent conversation.

Without it the first person of the day would wait for every engine to load, and lose the first words to a recogniser that is not
there yet. A session costs half a megabyte; engines are shared, so the conversations that follow find them warm.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .catalog import UnknownGraph
from .graph_host import GraphFailed, GraphHost, RunningGraph

SESSION_ID = "warm-up"
logger = logging.getLogger("stream_talk.gateway")


class _Nobody:
    """Listens to the silent conversation."""

    def on_graph_audio(self, pcm: bytes, sample_rate_hz: int, metadata: Mapping[str, Any]) -> None:
        """Nothing is ever said."""

    def on_graph_data(self, name: str, payload: Mapping[str, Any]) -> None:
        if name == "error":
            logger.warning("warming up: %s", payload.get("message"))

    def on_graph_cmd(self, name: str, payload: Mapping[str, Any]) -> None:
        """Nothing is ever asked."""


class WarmUp:
    def __init__(self, host: GraphHost, graph: str) -> None:
        self._host = host
        self._graph = graph
        self._running: RunningGraph | None = None

    async def begin(self) -> None:
        """A graph that cannot run is told to whoever asks for it; the server is up all the same."""
        try:
            self._running = await self._host.start(self._graph, SESSION_ID, _Nobody(), greet=False)
        except (GraphFailed, UnknownGraph) as problem:
            logger.warning("the default graph cannot run: %s", problem)

    async def end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.stop()
