"""Statistics: what went over each edge, what waits, what was dropped."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ten_runtime import AsyncExtension, AudioFrame, Cmd, CmdResult, Data, StatusCode, statistics


class Relay(AsyncExtension):
    async def on_data(self, async_ten_env: Any, data: Data) -> None:
        await async_ten_env.send_data(data)

    async def on_audio_frame(self, async_ten_env: Any, audio_frame: AudioFrame) -> None:
        await asyncio.sleep(10)

    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def test_a_snapshot_counts_messages_per_edge_and_node(stage: Any) -> None:
    tester = "ten:test_extension"
    graph = stage.graph(
        [
            {
                "extension": tester,
                "data": [{"name": "d", "dest": [{"extension": "a"}, {"extension": "b"}]}],
                "audio_frame": [{"name": "pcm", "dest": [{"extension": "a"}]}],
                "cmd": [{"name": "c", "dest": [{"extension": "b"}]}],
            },
            {"extension": "a", "data": [{"name": "d", "dest": [{"extension": tester}]}]},
        ],
        a=Relay,
        b=Relay,
    )

    async def script(env: Any, tester_: Any) -> None:
        for _ in range(3):
            await env.send_data(Data.create("d"))
        await env.send_audio_frame(AudioFrame.create("pcm"))
        result, _error = await env.send_cmd(Cmd.create("c"))
        for _ in range(3):
            graph_id = (await tester_.next()).get_source().graph_id
        assert graph_id in statistics.graph_ids() and result.get_source().graph_id == graph_id
        report = statistics.snapshot(graph_id)
        assert report is not None and json.loads(json.dumps(report)) == report
        edges = {(e["from"], e["to"], e["kind"], e["name"]): e["messages"] for e in report["edges"]}
        assert edges == {
            (tester, "a", "data", "d"): 3,
            (tester, "b", "data", "d"): 3,
            (tester, "a", "audio_frame", "pcm"): 1,
            (tester, "b", "cmd", "c"): 1,
            ("a", tester, "data", "d"): 3,
        }
        nodes = {node["name"]: node for node in report["nodes"]}
        assert nodes["a"]["received"] == 4 and nodes["b"]["received"] == 4
        assert nodes["a"]["tasks"] == 1, "one handler waits"
        assert nodes["a"]["depth"] == 0 and nodes["a"]["dropped"] == 0 and nodes["a"]["high_water"] >= 3
        assert nodes["a"]["stage"] == "running"
        totals = statistics.process()
        assert totals["graphs"] >= 1 and totals["received"] >= 8

    assert stage.play(None, script, graph=graph, virtual=True) is None


def test_a_graph_that_is_gone_has_no_snapshot() -> None:
    assert statistics.snapshot("unknown") is None
