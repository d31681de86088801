"""Graphs that are started while an app runs: their ports, their end, and timers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from ten_runtime import (
    AsyncExtension,
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    Loc,
    StartGraphCmd,
    StatusCode,
    StopGraphCmd,
)


class Echo(AsyncExtension):
    """Answers and echoes with its name, under the name of what it got."""

    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_string("who", self.name)
        result.set_property_string("cmd", cmd.get_name())
        result.set_property_from_json("got", cmd.get_property_to_json()[0])
        await async_ten_env.return_result(result)

    async def on_data(self, async_ten_env: Any, data: Data) -> None:
        await async_ten_env.send_data(data)

    async def on_audio_frame(self, async_ten_env: Any, audio_frame: AudioFrame) -> None:
        await async_ten_env.send_audio_frame(audio_frame)


async def ask(env: Any, name: str, *, to: Loc | None = None, **properties: Any) -> dict[str, Any]:
    cmd = Cmd.create(name)
    cmd.set_property_from_json(None, json.dumps(properties))
    if to is not None:
        cmd.set_dests([to])
    result, error = await env.send_cmd(cmd)
    assert error is None, str(error)
    answer: dict[str, Any] = json.loads(result.get_property_to_json()[0])
    return {"status": int(result.get_status_code()), **answer}


def node(addon: str, **properties: Any) -> dict[str, Any]:
    return {"type": "extension", "name": "sut", "addon": addon, "property": properties}


async def command(env: Any, cmd: Cmd) -> tuple[StatusCode, dict[str, Any]]:
    cmd.set_dests([Loc("")])
    result, error = await env.send_cmd(cmd)
    assert error is None
    return result.get_status_code(), json.loads(result.get_property_to_json()[0])


async def start(env: Any, graph: dict[str, Any]) -> str:
    cmd = StartGraphCmd.create()
    assert cmd.set_graph_from_json(json.dumps(graph))
    status, properties = await command(env, cmd)
    assert status == StatusCode.OK, properties
    return str(properties["graph_id"])


async def stop(env: Any, graph_id: str) -> tuple[StatusCode, dict[str, Any]]:
    cmd = StopGraphCmd.create()
    cmd.set_graph_id(graph_id)
    return await command(env, cmd)


def session_graph(stage: Any) -> dict[str, Any]:
    flow = [{"name": "m", "dest": [{"extension": "b"}]}]
    ports = [("audio_frame_in", "m", "a"), ("audio_frame_out", "m", "b"), ("data_in", "m", "a"), ("data_out", "m", "b")]
    ports += [("cmd_in", "who", "b"), ("cmd_out", "up", "a"), ("cmd_in", "call_up", "a")]

    class Upward(Echo):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result, error = await async_ten_env.send_cmd(Cmd.create("up"))
            assert error is None
            answer = CmdResult.create(result.get_status_code(), cmd)
            answer.set_property_string("up", result.get_property_string("detail")[0])
            await async_ten_env.return_result(answer)

    return {
        "nodes": [
            {"type": "extension", "name": "a", "addon": stage.addon(Upward)},
            {"type": "extension", "name": "b", "addon": stage.addon(Echo)},
        ],
        "connections": [{"extension": "a", "audio_frame": flow, "data": flow}],
        "exposed_messages": [{"type": type_, "name": name, "extension": ext} for type_, name, ext in ports],
    }


def test_the_starter_talks_to_a_graph_through_its_ports(stage: Any) -> None:
    async def script(env: Any, tester: Any) -> None:
        for _ in range(2):
            graph_id = await start(env, session_graph(stage))
            port = Loc("", graph_id)
            frame, data = AudioFrame.create("m"), Data.create("m")
            frame.alloc_buf(2)
            data.set_property_int("n", 1)
            for message, send in ((frame, env.send_audio_frame), (data, env.send_data)):
                message.set_dests([port])
                await send(message)
                back = await tester.next()
                source = back.get_source()
                assert type(back) is type(message)
                assert (source.graph_id, source.extension_name) == (graph_id, "ten:graph_proxy")
            assert (await ask(env, "who", to=port))["who"] == "b"
            assert (await ask(env, "not exposed", to=port))["detail"] == "Failed to find destination."
            asking = asyncio.create_task(ask(env, "call_up", to=port))
            up = await tester.next()
            assert up.get_name() == "up" and up.get_source().graph_id == graph_id
            answer = CmdResult.create(StatusCode.OK, up)
            answer.set_property_string("detail", "from the starter")
            await env.return_result(answer)
            assert (await asking)["up"] == "from the starter"
            assert (await ask(env, "x", to=Loc("", graph_id, "b")))["who"] == "b", "extensions can be addressed as well"
            assert await stop(env, graph_id) == (StatusCode.OK, {"detail": "close engine done"})
            assert (await ask(env, "who", to=port))["detail"] == "Graph not found."

    assert stage.play(None, script, graph=stage.graph(other=Echo)) is None


def test_stopping_an_unknown_graph_is_an_error(stage: Any) -> None:
    async def script(env: Any, _tester: Any) -> None:
        status, properties = await stop(env, "unknown")
        assert status == StatusCode.ERROR
        assert properties["detail"] == "Failed to find the engine to be shut down."

    assert stage.play(None, script, graph=stage.graph(other=Echo)) is None


@pytest.mark.parametrize(
    ("addon", "words"), [("no_such_python", ["no_such_python", 'node "x"']), (None, ["names no graph"])]
)
def test_a_graph_that_cannot_start_is_answered_with_the_reason(stage: Any, addon: str | None, words: list[str]) -> None:
    async def script(env: Any, _tester: Any) -> None:
        cmd = StartGraphCmd.create()
        if addon is not None:
            graph = {"nodes": [{"type": "extension", "name": "x", "addon": addon}]}
            assert cmd.set_graph_from_json(json.dumps(graph))
        status, properties = await command(env, cmd)
        assert status == StatusCode.ERROR
        for word in words:
            assert word in properties["detail"]

    assert stage.play(None, script, graph=stage.graph(other=Echo)) is None


def test_an_unknown_predefined_graph_is_answered(stage: Any) -> None:
    async def script(env: Any, _tester: Any) -> None:
        cmd = StartGraphCmd.create()
        cmd.set_predefined_graph_name("nope")
        status, properties = await command(env, cmd)
        assert status == StatusCode.ERROR and '"nope"' in properties["detail"]

    assert stage.play(None, script, graph=stage.graph(other=Echo)) is None


def test_timers_send_ten_timeout(stage: Any) -> None:
    async def script(env: Any, tester: Any) -> None:
        def timer(**fields: Any) -> Cmd:
            cmd = Cmd.create("ten:timer")
            assert cmd.set_property_from_json(None, json.dumps({"ten": fields})) is None
            return cmd

        loop = asyncio.get_running_loop()
        started = loop.time()
        assert (await command(env, timer(timer_id=5, timeout_us=2_000_000, times=2)))[0] == StatusCode.OK
        for expected_s in (2, 4):
            timeout = await tester.next()
            assert timeout.get_name() == "ten:timeout" and timeout.get_property_int("timer_id") == (5, None)
            assert loop.time() - started == pytest.approx(expected_s)
        assert await tester.nothing_for(5)
        await command(env, timer(timer_id=6, timeout_us=1_000_000, times=-1))
        await command(env, timer(timer_id=6, cancel=True))
        assert await tester.nothing_for(5)
        assert (await command(env, timer(timeout_us=1)))[0] == StatusCode.ERROR

    assert stage.play(None, script, graph=stage.graph(other=Echo), virtual=True) is None


def test_a_stopped_graph_leaves_no_waiting_handler_behind(stage: Any) -> None:
    class Waiting(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            await asyncio.Event().wait()

    async def script(env: Any, _tester: Any) -> None:
        port = {"type": "data_in", "name": "d", "extension": "waiting"}
        nodes = [{"type": "extension", "name": "waiting", "addon": stage.addon(Waiting)}]
        await asyncio.sleep(0.1)
        before = len(asyncio.all_tasks())
        graph_id = await start(env, {"nodes": nodes, "exposed_messages": [port]})
        data = Data.create("d")
        data.set_dests([Loc("", graph_id)])
        await env.send_data(data)
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) == before + 1
        started = asyncio.get_running_loop().time()
        await stop(env, graph_id)
        assert asyncio.get_running_loop().time() == started, "it is cancelled at once"
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before

    assert stage.play(None, script, graph=stage.graph(other=Echo), virtual=True) is None


def test_many_graphs_start_and_stop_without_leaving_anything(stage: Any) -> None:
    import gc
    import threading

    from ten_runtime._core.extension_host import ExtensionHost

    counts: list[int] = []

    async def script(env: Any, _tester: Any) -> None:
        graph = session_graph(stage)
        for round_ in range(60):
            graph_id = await start(env, graph)
            assert (await ask(env, "who", to=Loc("", graph_id)))["who"] == "b"
            await stop(env, graph_id)
            if round_ in (9, 59):
                await asyncio.sleep(0.01)
                gc.collect()
                hosts = sum(isinstance(item, ExtensionHost) for item in gc.get_objects())
                counts.append(hosts + len(asyncio.all_tasks()) + threading.active_count())

    assert stage.play(None, script, graph=stage.graph(other=Echo), virtual=True) is None
    assert counts[0] == counts[1]
