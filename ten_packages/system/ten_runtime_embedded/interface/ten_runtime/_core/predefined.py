"""``ten.predefined_graphs`` of an app."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ten_graph import FlatGraph, GraphError, flatten

from ..loc import Loc
from .endpoint import Endpoint

if TYPE_CHECKING:
    from .app_core import AppCore
    from .engine import Engine

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class PredefinedGraph:
    def __init__(self, name: str, flat: FlatGraph) -> None:
        self.name = name
        self.flat = flat
        self.auto_start = False
        self.singleton = False
        self.sync_stop_before_deinit = False
        self.engine: Engine | None = None  # the one of a singleton
        self._starting: asyncio.Future[Engine] | None = None

    async def single_engine(self, start: Callable[[], Awaitable[Engine]]) -> Engine:
        if self.engine is not None:
            return self.engine
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start(start))
        return await asyncio.shield(self._starting)

    async def _start(self, start: Callable[[], Awaitable[Engine]]) -> Engine:
        try:
            self.engine = await start()
            return self.engine
        finally:
            self._starting = None

    def forget(self, engine: Engine) -> None:
        if self.engine is engine:
            self.engine = None

    def gate(self, app: AppCore, loc: Loc) -> Endpoint:
        return _StartingGate(app, self, loc)


class _StartingGate(Endpoint):
    """Takes a message for a singleton that does not run yet: starts it, then delivers."""

    def __init__(self, app: AppCore, graph: PredefinedGraph, loc: Loc) -> None:
        super().__init__(app, app.executor, app.source)
        self._graph = graph
        self._loc = loc

    def accept(self, content: Any) -> None:
        self.app.spawn(self._deliver(content))

    async def _deliver(self, content: Any) -> None:
        try:
            engine = await self.app.start_predefined(self._graph)
        except ValueError as reason:
            self.refuse(content, f'graph "{self._graph.name}" cannot be started: {reason}')
            return
        dests = self.app.dests_in(engine, self._loc.extension_name, content, self)
        for dest in dests[1:]:
            dest.target.receive(content.copy())
        dests[0].target.receive(content)


def parse_predefined(entries: object, base_dir: Path) -> dict[str, PredefinedGraph]:
    """Raises ``GraphError`` that names the entry."""
    if not isinstance(entries, list):
        raise GraphError("ten.predefined_graphs must be an array")
    graphs: dict[str, PredefinedGraph] = {}
    for index, entry in enumerate(entries):
        where = f"ten.predefined_graphs[{index}]"
        if not isinstance(entry, dict):
            raise GraphError("a predefined graph must be an object", where=where)
        graph = _predefined(entry, base_dir, where)
        if graph.name in graphs:
            raise GraphError(f'the name "{graph.name}" is used twice', where=where)
        graphs[graph.name] = graph
    return graphs


def _predefined(entry: dict[str, Any], base_dir: Path, where: str) -> PredefinedGraph:
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        raise GraphError(f"name {name!r} must be an identifier", where=where)
    # Older property files have nodes and connections in the entry itself.
    document = entry.get("graph", {key: entry[key] for key in ("nodes", "connections") if key in entry})
    try:
        flat = flatten(document, base_dir=base_dir)
    except GraphError as reason:
        raise GraphError(str(reason), reason.code, where=f'{where} "{name}"') from None
    graph = PredefinedGraph(name, flat)
    for flag in ("auto_start", "singleton", "sync_stop_before_deinit"):
        value = entry.get(flag, False)
        if not isinstance(value, bool):
            raise GraphError(f"{flag} must be true or false", where=f'{where} "{name}"')
        setattr(graph, flag, value)
    if graph.sync_stop_before_deinit and len({node.app for node in flat.nodes}) > 1:
        raise GraphError(
            "sync_stop_before_deinit=true requires all nodes in the graph to belong to the same app, "
            "but nodes from multiple apps were found",
            where=f'{where} "{name}"',
        )
    return graph
