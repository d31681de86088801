"""Graphs of apps: predefined ones, singletons, those that others start, and apps that address each other."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from ten_runtime import AsyncExtension, Cmd, CmdResult, Data, Loc, StartGraphCmd, StatusCode


@pytest.mark.parametrize("long_running", [False, True])
def test_an_app_closes_with_its_last_graph_unless_it_is_long_running(
    app_of: Any, stage: Any, long_running: bool
) -> None:
    class StopsItself(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            cmd = Cmd.create("ten:stop_graph")
            cmd.set_dests([Loc("")])
            task = asyncio.ensure_future(async_ten_env.send_cmd(cmd))
            await asyncio.sleep(0)
            task.cancel()

    app = app_of(stage.nodes(one=StopsItself), ten={"long_running_mode": long_running})
    app.run(True)
    app._thread.join(0.3 if long_running else 5)
    assert app._thread.is_alive() is long_running
    app.close()
    app.wait()
    assert app.failure() is None


def test_an_auto_start_graph_that_cannot_start_closes_the_app(app_of: Any) -> None:
    app = app_of([{"type": "extension", "name": "a", "addon": "no_such_addon_python"}])
    app.run(False)
    message = app.failure().error_message()
    assert 'graph "main" cannot be started' in message and 'node "a"' in message and "no_such_addon_python" in message


def test_a_failing_dynamic_graph_can_end_alone(app_of: Any, stage: Any) -> None:
    class Failing(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            raise RuntimeError("out of cheese")

    port = {"type": "data_in", "name": "anything", "extension": "failing"}
    graph = {"nodes": stage.nodes(failing=Failing), "exposed_messages": [port]}
    outcomes: list[Any] = []
    told: list[Any] = []

    class Starter(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            told.append((data.get_name(), data.get_property_string("detail")[0], data.get_source().graph_id))

        async def on_start(self, async_ten_env: Any) -> None:
            from ten_runtime import statistics

            cmd = StartGraphCmd.create()
            cmd.set_dests([Loc("")])
            assert cmd.set_graph_from_json(json.dumps(graph))
            result, _error = await async_ten_env.send_cmd(cmd)
            await asyncio.sleep(1)
            graph_id = result.get_property_string("graph_id")[0]
            outcomes.append(statistics.snapshot(graph_id))
            assert len(told) == 1
            name, detail, source = told[0]
            assert (name, source) == ("ten:graph_failed", graph_id)
            assert 'node "failing"' in detail and "out of cheese" in detail
            await stage.close_app(async_ten_env)

    app = app_of(stage.nodes(starter=Starter), ten_embedded={"uncaught_exception": "graph"})
    app.run(False)
    assert outcomes == [None] and app.failure() is None


def test_a_singleton_runs_once_and_starts_on_demand(app_of: Any, stage: Any) -> None:
    made: list[str] = []

    class Only(AsyncExtension):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            made.append(name)

        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    outcomes: list[Any] = []

    class User(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            async def ask() -> None:
                cmd = Cmd.create("hello")
                cmd.set_dests([Loc("", "shared", "only")])
                result, _error = await async_ten_env.send_cmd(cmd)
                outcomes.append(result.get_status_code())

            await asyncio.gather(ask(), ask(), ask())
            await ask()
            await stage.close_app(async_ten_env)

    graphs = [
        {"name": "main", "auto_start": True, "graph": {"nodes": stage.nodes(user=User)}},
        {"name": "shared", "singleton": True, "graph": {"nodes": stage.nodes(only=Only)}},
    ]
    app = app_of(ten={"predefined_graphs": graphs})
    app.run(False)
    assert app.failure() is None
    assert outcomes == [StatusCode.OK] * 4 and made == ["only"]


def test_predefined_graphs_start_by_name(app_of: Any, stage: Any) -> None:
    started: list[str] = []

    class Worker(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            started.append(self.name)

    class User(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            for _ in range(2):
                cmd = StartGraphCmd.create()
                cmd.set_dests([Loc("")])
                cmd.set_predefined_graph_name("work")
                result, error = await async_ten_env.send_cmd(cmd)
                assert error is None and result.get_status_code() == StatusCode.OK
            await asyncio.sleep(0.1)
            await stage.close_app(async_ten_env)

    graphs = [
        {"name": "main", "auto_start": True, "graph": {"nodes": stage.nodes(user=User)}},
        {"name": "work", "graph": {"nodes": stage.nodes(worker=Worker)}},
    ]
    app = app_of(ten={"predefined_graphs": graphs})
    app.run(False)
    assert started == ["worker", "worker"]


def test_two_apps_of_one_process_address_each_other_by_uri(app_of: Any, stage: Any) -> None:
    answers: list[str] = []

    class Answering(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("from", str(cmd.get_source().app_uri))
            await async_ten_env.return_result(result)

    class Asking(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            cmd = Cmd.create("hi")
            cmd.set_dests([Loc("http://one", "shared", "answering")])
            result, _error = await async_ten_env.send_cmd(cmd)
            answers.append(result.get_property_string("from")[0])
            for uri in ("http://one", ""):
                close = Cmd.create("ten:close_app")
                close.set_dests([Loc(uri)])
                await async_ten_env.send_cmd(close)

    shared = {"name": "shared", "singleton": True, "graph": {"nodes": stage.nodes(answering=Answering)}}
    one = app_of(ten={"uri": "http://one", "predefined_graphs": [shared]}, virtual=False)
    ready = threading.Event()
    acknowledge = one.on_init

    def on_init(ten_env: Any) -> None:
        acknowledge(ten_env)
        ready.set()

    one.on_init = on_init
    one.run(True)
    assert ready.wait(5)
    two = app_of(stage.nodes(asking=Asking), ten={"uri": "http://two"}, virtual=False)
    two.run(False)
    one.wait()
    assert answers == ["http://two"]


def test_closing_while_a_graph_is_being_made_is_no_failure(app_of: Any, stage: Any) -> None:
    from ten_runtime import Addon, Extension, register_addon_as_extension

    @register_addon_as_extension("made_slowly")
    class _Slow(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            app.close()
            threading.Timer(0.05, lambda: ten_env.on_create_instance_done(AsyncExtension(name), context)).start()

    nodes = stage.nodes(sync=Extension)
    nodes.append({"type": "extension", "name": "slow", "addon": "made_slowly"})
    app = app_of(nodes, virtual=False)
    app.run(False)
    assert app.failure() is None and app.events[-1] == "deinit"
    groups = [thread for thread in threading.enumerate() if thread.name == "ten:unspecified_group"]
    for thread in groups:
        thread.join(2)
    assert not any(thread.is_alive() for thread in groups)
