"""One node of a graph, run alone: what `say` and `transcribe` do with the `tts` and `stt` of a graph file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stream_talk.engines.interfaces import Pcm16
from stream_talk.graph import FlatGraph, Node, find_graph, resolve_graph
from stream_talk.graph.check import check_file, nodes
from stream_talk.ten import messages
from ten_graph import Connection, Dest
from ten_graph.errors import did_you_mean
from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    AudioFrame,
    Cmd,
    Data,
    Loc,
    TenEnv,
    register_addon_as_extension,
)

from stream_talk_cli.errors import CommandError
from stream_talk_cli.launch import app_property, prepare_imports, run_app

PROBE = "command_line"
_PROBE_ADDON = "stream_talk_command_line"


@dataclass
class Heard:
    """A message of the stage; `pcm` is None for data."""

    name: str
    body: dict[str, Any]
    pcm: Pcm16 | None = None
    sample_rate_hz: int = 0


@dataclass
class Talk:
    """What a script has in hand: send to the stage, take what it says, in order."""

    env: AsyncTenEnv
    heard: asyncio.Queue[Heard] = field(default_factory=asyncio.Queue)

    async def send_data(self, name: str, body: dict[str, Any]) -> None:
        await self.env.send_data(messages.data(name, body))

    async def send_audio(self, pcm: Pcm16, sample_rate_hz: int, timestamp_ms: int, metadata: dict[str, Any]) -> None:
        encoded = json.dumps(metadata)
        frame = messages.pcm_frame(pcm, sample_rate_hz, metadata_json=encoded, timestamp_ms=timestamp_ms)
        await self.env.send_audio_frame(frame)

    async def next(self, timeout_s: float, waiting_for: str) -> Heard:
        try:
            return await asyncio.wait_for(self.heard.get(), timeout_s)
        except asyncio.TimeoutError:
            raise CommandError(f"the stage said nothing for {timeout_s:.0f} s; waiting for {waiting_for}") from None


Script = Callable[[Talk], Awaitable[None]]


def stage_of(graph_name: str, node_name: str) -> Node:
    """A node of a graph file, its properties resolved, ready to run by itself."""
    file = find_graph(graph_name)
    prepare_imports(file)
    problems = check_file(file, checks=(nodes.unknown_addons, nodes.environment))
    if problems:
        raise CommandError("\n".join(problem.line() for problem in problems))
    graph = resolve_graph(file)
    node = graph.node(node_name)
    if node is None:
        names = [candidate.name for candidate in graph.nodes]
        raise CommandError(f'{file.name} has no node "{node_name}"; {did_you_mean(node_name, names)}')
    return node


def run_stage(node: Node, script: Script, *, data_in: Sequence[str], data_out: Sequence[str]) -> None:
    """Runs `script` beside the stage until it returns; its exception is raised here."""
    problems: list[BaseException] = []

    class Probe(_Probe):
        def __init__(self, name: str) -> None:
            super().__init__(name, script, problems)

    @register_addon_as_extension(_PROBE_ADDON)
    class _ProbeAddon(Addon):
        def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
            ten_env.on_create_instance_done(Probe(name), context)

    to_stage, to_probe = [Dest(node.name)], [Dest(PROBE)]
    connections = [Connection(PROBE, "", "audio_frame", "pcm_frame", to_stage)]
    connections += [Connection(PROBE, "", "data", name, to_stage) for name in data_in]
    connections += [Connection(node.name, "", "audio_frame", "pcm_frame", to_probe)]
    connections += [Connection(node.name, "", "data", name, to_probe) for name in data_out]
    graph = FlatGraph([node, Node(PROBE, _PROBE_ADDON)], connections)
    failure = run_app(app_property(graph, "off"))
    if problems:
        raise problems[0]
    if failure is not None:
        raise CommandError(f"{node.name} ({node.addon}): {failure}")


class _Probe(AsyncExtension):
    def __init__(self, name: str, script: Script, problems: list[BaseException]) -> None:
        super().__init__(name)
        self._script = script
        self._problems = problems
        self._talk: Talk | None = None
        self._task: asyncio.Task[None] | None = None

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._talk = Talk(ten_env)

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(ten_env))

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._task is not None:
            self._task.cancel()

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        if self._talk is not None:
            self._talk.heard.put_nowait(Heard(data.get_name(), messages.read_json(data)))

    async def on_audio_frame(self, ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        if self._talk is not None:
            view = messages.PcmReader().read(audio_frame)
            self._talk.heard.put_nowait(Heard("pcm_frame", view.metadata, view.pcm.copy(), view.sample_rate_hz))

    async def _run(self, ten_env: AsyncTenEnv) -> None:
        assert self._talk is not None
        try:
            await self._script(self._talk)
        except asyncio.CancelledError:
            return
        except Exception as error:
            self._problems.append(error)
        close = Cmd.create("ten:close_app")
        close.set_dests([Loc("")])
        await ten_env.send_cmd(close)
