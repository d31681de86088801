"""Conversations as graphs of the TEN app: started with StartGraphCmd, spoken to through the ports that they expose."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stream_talk.engines.shared import HostRegistry
from stream_talk.graph import FlatGraph, GraphError, resolve_graph
from stream_talk.ten import messages
from ten_runtime import AsyncTenEnv, AudioFrame, Cmd, Data, Loc, StartGraphCmd, StatusCode, StopGraphCmd

from .catalog import GraphCatalog
from .engine_load import engine_states, engines_queue_ms
from .graph_host import GraphEvents, GraphFailed
from .graph_picture import running_graph_count, running_picture, still_picture
from .stage_graph import stage_graph

MAX_EARLY_MESSAGES = 256
logger = logging.getLogger("stream_talk.gateway")
Message = AudioFrame | Data | Cmd


class TenGraph:
    """One running session graph."""

    def __init__(
        self,
        env: AsyncTenEnv,
        name: str,
        graph_id: str,
        session_id: str,
        document: dict[str, Any],
        host: TenGraphHost,
    ) -> None:
        self.name = name
        self._document = document
        self.graph_id = graph_id
        self._env = env
        self._host = host
        self._loc = Loc("", graph_id)
        self._metadata_json = json.dumps({"session_id": session_id})

    async def send_audio(self, pcm: bytes, timestamp_ms: int) -> None:
        frame = messages.pcm_frame(pcm, 16_000, metadata_json=self._metadata_json, timestamp_ms=timestamp_ms)
        frame.set_dests([self._loc])
        await self._env.send_audio_frame(frame)

    async def send_data(self, name: str, payload: Mapping[str, Any]) -> None:
        data = messages.data(name, payload)
        data.set_dests([self._loc])
        await self._env.send_data(data)

    def statistics(self) -> dict[str, Any]:
        return {"name": self.name, **(running_picture(self.graph_id) or still_picture(self._document))}

    async def stop(self) -> None:
        await self._host.stop(self.graph_id)


class TenGraphHost:
    def __init__(self, env: AsyncTenEnv, catalog: GraphCatalog, registry: HostRegistry) -> None:
        self._env = env
        self._catalog = catalog
        self._registry = registry
        self._listeners: dict[str, tuple[GraphEvents, messages.PcmReader]] = {}
        self._early: dict[str, list[Message]] = {}
        self._starting = 0

    async def start(self, graph: str, session_id: str, events: GraphEvents, *, greet: bool) -> TenGraph:
        return await self._start(graph, self._conversation(graph, session_id, greet=greet), session_id, events)

    async def start_stage(self, graph: str, role: str, events: GraphEvents, properties: Mapping[str, Any]) -> TenGraph:
        return await self._start(graph, stage_graph(self._resolved(graph), role, properties), role, events)

    async def _start(self, graph: str, document: dict[str, Any], session_id: str, events: GraphEvents) -> TenGraph:
        cmd = StartGraphCmd.create()
        cmd.set_dests([Loc("")])
        # The memory must still answer when main_control stores the turn that the end cuts off.
        cmd.set_sync_stop_before_deinit(True)
        if not cmd.set_graph_from_json(json.dumps(document)):
            raise GraphFailed(f"graph {graph!r} is not valid; see `stream-talk graph check {graph}`")
        self._starting += 1
        try:
            result, error = await self._env.send_cmd(cmd)
            if error is not None or result is None or result.get_status_code() != StatusCode.OK:
                raise GraphFailed(f"graph {graph!r} could not be started: {_detail(result, error)}")
            graph_id, _ = result.get_property_string("graph_id")
            self._listeners[graph_id] = (events, messages.PcmReader())
            for message in self._early.pop(graph_id, []):
                self.deliver(message)
        finally:
            self._starting -= 1
            if not self._starting:
                self._early.clear()
        return TenGraph(self._env, graph, graph_id, session_id, document, self)

    def _resolved(self, graph: str) -> FlatGraph:
        try:
            return resolve_graph(self._catalog.require(graph).path or graph)
        except GraphError as error:
            raise GraphFailed(str(error)) from error

    def _conversation(self, graph: str, session_id: str, *, greet: bool) -> dict[str, Any]:
        flat = self._resolved(graph)
        controls = {p.extension for p in flat.exposed_messages if p.type == "data_in" and p.name == "client_event"}
        own: dict[str, Any] = {"session_id": session_id} if greet else {"session_id": session_id, "greeting": ""}
        nodes = [replace(n, property={**n.property, **own}) if n.name in controls else n for n in flat.nodes]
        return replace(flat, nodes=nodes).to_dict()

    async def stop(self, graph_id: str) -> None:
        if self._listeners.pop(graph_id, None) is None:
            return
        cmd = StopGraphCmd.create()
        cmd.set_graph_id(graph_id)
        cmd.set_dests([Loc("")])
        result, error = await self._env.send_cmd(cmd)
        if error is not None or result is None or result.get_status_code() != StatusCode.OK:
            logger.warning("graph %s did not stop: %s", graph_id, _detail(result, error))

    def deliver(self, message: Message) -> None:
        """A message that a session graph sent to the gateway."""
        source = message.get_source()
        graph_id = source.graph_id if source is not None else None
        if graph_id is None:
            return
        listener = self._listeners.get(graph_id)
        if listener is None:
            self._keep_early(graph_id, message)
            return
        events, reader = listener
        if isinstance(message, AudioFrame):
            view = reader.read(message)
            events.on_graph_audio(view.pcm.tobytes(), view.sample_rate_hz or 24_000, view.metadata)
        elif isinstance(message, Data):
            events.on_graph_data(message.get_name(), messages.read_json(message))
        else:
            events.on_graph_cmd(message.get_name(), messages.read_json(message))

    def _keep_early(self, graph_id: str, message: Message) -> None:
        """A graph may speak before the answer to its start has arrived here."""
        if self._starting:
            early = self._early.setdefault(graph_id, [])
            if len(early) < MAX_EARLY_MESSAGES:
                early.append(message)

    def running_graphs(self) -> int:
        """As the runtime counts them, so that one which was forgotten here would show."""
        return running_graph_count(default=len(self._listeners))

    def queue_ms(self) -> float:
        return engines_queue_ms(self._registry)

    def engines(self) -> dict[str, Any]:
        return engine_states(self._registry)


def _detail(result: Any, error: Any) -> str:
    if error is not None:
        return str(error.error_message())
    if result is None:
        return "no answer"
    detail, problem = result.get_property_string("detail")
    return detail if problem is None and detail else "no reason was given"
