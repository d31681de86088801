"""Commands the app itself answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ten_graph import FlatGraph, GraphError, flatten

from . import json_text
from .content import CmdContent, ResultContent
from .endpoint import Endpoint, generic_error
from .log import runtime_log
from .timers import Timers

if TYPE_CHECKING:
    from .app_core import AppCore
    from .engine import Engine

APP_CMDS: Final = frozenset({"ten:close_app", "ten:start_graph", "ten:stop_graph", "ten:timer"})


class BuiltinCmds:
    def __init__(self, app: AppCore) -> None:
        self._app = app
        self._timers = Timers(app)
        self._handlers: dict[str, Callable[[CmdContent, dict[str, Any], Endpoint], None]] = {
            "ten:close_app": self._close_app,
            "ten:start_graph": self._start_graph,
            "ten:stop_graph": self._stop_graph,
            "ten:timer": self._timers.handle,
        }

    def handle(self, cmd: CmdContent) -> None:
        origin = self._app.in_paths[cmd.cmd_id].origin
        self._handlers[cmd.name](cmd, cmd.builtin or {}, origin)

    def _answer_ok(self, cmd: CmdContent, **properties: Any) -> None:
        result = ResultContent.ok(cmd)
        result.properties.update(properties)
        self._app.return_result(result)

    def _answer_error(self, cmd: CmdContent, detail: str) -> None:
        self._app.return_result(ResultContent.error(cmd, detail))

    def _close_app(self, cmd: CmdContent, _fields: dict[str, Any], _origin: Endpoint) -> None:
        """The property ``failure`` says why an app ends that should not have; TEN's own runtime does not look at it."""
        self._answer_ok(cmd)
        failure = cmd.properties.get("failure")
        if isinstance(failure, str) and failure:
            self._app.note_failure(generic_error(failure))
        self._app.close()

    def _start_graph(self, cmd: CmdContent, fields: dict[str, Any], origin: Endpoint) -> None:
        self._app.spawn(self._start(cmd, fields, origin))

    async def _start(self, cmd: CmdContent, fields: dict[str, Any], origin: Endpoint) -> None:
        try:
            engine = await self._started(fields, origin)
        except (GraphError, ValueError) as reason:
            self._answer_error(cmd, str(reason))
            return
        except Exception as error:
            runtime_log.exception("a graph could not be started")
            self._answer_error(cmd, f"{type(error).__name__}: {error}")
            return
        self._answer_ok(cmd, graph_id=engine.graph_id)

    async def _started(self, fields: dict[str, Any], origin: Endpoint) -> Engine:
        app = self._app
        name = fields.get("predefined_graph")
        if name:
            graph = app.predefined.get(name)
            if graph is None:
                raise GraphError(f'there is no predefined graph "{name}"')
            return await app.start_predefined(graph, starter=origin)
        sync_stop = bool(fields.get("sync_stop_before_deinit", False))
        flat = flat_graph(fields.get("graph_json"), app.base_dir)
        return await app.start_graph(flat, starter=origin, sync_stop=sync_stop)

    def _stop_graph(self, cmd: CmdContent, fields: dict[str, Any], origin: Endpoint) -> None:
        graph_id = fields.get("graph_id") or origin.graph_id
        engine = self._app.engine_for(graph_id)
        if engine is None:
            self._answer_error(cmd, "Failed to find the engine to be shut down.")
            return
        engine.stop()
        if graph_id != origin.graph_id:  # a graph that stops itself has nobody left to answer to
            self._app.spawn(self._answer_when_closed(cmd, engine))

    async def _answer_when_closed(self, cmd: CmdContent, engine: Engine) -> None:
        await engine.closed
        self._answer_ok(cmd, detail="close engine done")


def flat_graph(graph: object, base_dir: Path) -> FlatGraph:
    """A graph as text or as a tree; raises ``GraphError``."""
    if isinstance(graph, str):
        try:
            graph = json_text.parse(graph)
        except ValueError as reason:
            raise GraphError(f"not JSON: {reason}") from None
    if not isinstance(graph, dict):
        raise GraphError("the command names no graph: set_predefined_graph_name or set_graph_from_json is needed")
    return flatten(graph, base_dir=base_dir)
