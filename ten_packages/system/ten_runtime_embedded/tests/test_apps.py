"""Apps: life, properties, predefined graphs, failures, signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ten_runtime import App, AsyncExtension, Cmd, CmdResult, Data, Loc, StartGraphCmd, StatusCode, TenErrorCode


async def close_app(env: Any) -> None:
    cmd = Cmd.create("ten:close_app")
    cmd.set_dests([Loc("")])
    await env.send_cmd(cmd)


class Closer(AsyncExtension):
    async def on_start(self, async_ten_env: Any) -> None:
        await close_app(async_ten_env)


def nodes_of(stage: Any, **classes: Any) -> list[dict[str, Any]]:
    return [{"type": "extension", "name": name, "addon": stage.addon(cls)} for name, cls in classes.items()]


def test_an_app_lives_until_an_extension_closes_it(app_of: Any, stage: Any) -> None:
    app = app_of(nodes_of(stage, closer=Closer))
    app.run(False)
    assert app.events == ["configure", "init", "deinit"]
    assert app.failure() is None
    with pytest.raises(RuntimeError, match=r"Failed to run ten_app\."):
        app.run(False)


def test_an_app_without_graphs_runs_in_the_background_until_close(app_of: Any) -> None:
    for virtual in (True, False):
        app = app_of(virtual=virtual)
        ready = threading.Event()
        acknowledge = app.on_init

        def on_init(ten_env: Any, acknowledge: Any = acknowledge, ready: threading.Event = ready) -> None:
            acknowledge(ten_env)
            ready.set()

        app.on_init = on_init
        app.run(True)
        assert ready.wait(5)
        app.close()
        app.close()
        app.wait()
        assert app.events == ["configure", "init", "deinit"]


def test_close_before_run_ends_the_app_at_once(app_of: Any) -> None:
    app = app_of()
    app.close()
    app.run(False)
    assert app.events[-1] == "deinit"


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

    app = app_of(nodes_of(stage, one=StopsItself), ten={"long_running_mode": long_running})
    app.run(True)
    app._thread.join(0.3 if long_running else 5)
    assert app._thread.is_alive() is long_running
    app.close()
    app.wait()
    assert app.failure() is None


def test_extensions_read_the_apps_properties_but_do_not_write_them(app_of: Any, stage: Any) -> None:
    seen: list[Any] = []

    class Reader(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            seen.append(await async_ten_env.get_property_string("app:greeting"))
            seen.append(await async_ten_env.is_property_exist("extension:greeting"))
            refused = await async_ten_env.set_property_string("app:greeting", "x")
            seen.append(refused.error_code())
            await close_app(async_ten_env)

    app = app_of(nodes_of(stage, reader=Reader), greeting="hello")
    app.run(False)
    assert seen == [("hello", None), (False, None), TenErrorCode.ErrorCodeInvalidArgument]


@pytest.mark.parametrize(
    ("ten", "words"),
    [
        ({"uri": "localhost"}, ["ten.uri"]),
        (
            {"log": {"handlers": [{"matchers": [{"level": "loud"}], "emitter": {"type": "console"}}]}},
            ["level", "debug"],
        ),
        ({"predefined_graphs": [{"name": "1x", "graph": {"nodes": []}}]}, ["predefined_graphs[0]", "identifier"]),
        (
            {"predefined_graphs": [{"name": "g", "graph": {"nodes": [{"type": "extension", "name": "a"}]}}]},
            ["predefined_graphs[0]", "nodes[0]", "addon"],
        ),
    ],
)
def test_an_unusable_configuration_closes_the_app_and_says_why(
    app_of: Any, ten: dict[str, Any], words: list[str]
) -> None:
    app = app_of(ten=ten)
    app.run(False)
    assert app.events[-1] == "deinit"
    for word in words:
        assert word in app.failure().error_message()


def test_an_auto_start_graph_that_cannot_start_closes_the_app(app_of: Any) -> None:
    app = app_of([{"type": "extension", "name": "a", "addon": "no_such_addon_python"}])
    app.run(False)
    message = app.failure().error_message()
    assert 'graph "main" cannot be started' in message and 'node "a"' in message and "no_such_addon_python" in message


def test_an_exception_closes_the_app_in_order_with_an_error(app_of: Any, stage: Any) -> None:
    ends: list[str] = []

    class Failing(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            raise RuntimeError("out of cheese")

    class Other(AsyncExtension):
        async def on_deinit(self, async_ten_env: Any) -> None:
            ends.append("other")

    app = app_of(nodes_of(stage, failing=Failing, other=Other))
    app.run(False)
    assert 'node "failing"' in app.failure().error_message() and __file__ in app.failure().error_message()
    assert ends == ["other"] and app.events[-1] == "deinit"


def test_a_failing_dynamic_graph_can_end_alone(app_of: Any, stage: Any) -> None:
    class Failing(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            raise RuntimeError("out of cheese")

    port = {"type": "data_in", "name": "anything", "extension": "failing"}
    graph = {"nodes": nodes_of(stage, failing=Failing), "exposed_messages": [port]}
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
            await close_app(async_ten_env)

    app = app_of(nodes_of(stage, starter=Starter), ten_embedded={"uncaught_exception": "graph"})
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
            await close_app(async_ten_env)

    graphs = [
        {"name": "main", "auto_start": True, "graph": {"nodes": nodes_of(stage, user=User)}},
        {"name": "shared", "singleton": True, "graph": {"nodes": nodes_of(stage, only=Only)}},
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
            await close_app(async_ten_env)

    graphs = [
        {"name": "main", "auto_start": True, "graph": {"nodes": nodes_of(stage, user=User)}},
        {"name": "work", "graph": {"nodes": nodes_of(stage, worker=Worker)}},
    ]
    app = app_of(ten={"predefined_graphs": graphs})
    app.run(False)
    assert started == ["worker", "worker"]


def test_an_app_can_send_commands_and_gets_results_on_its_own_thread(app_of: Any, stage: Any) -> None:
    class Quiet(AsyncExtension):
        """Waits."""

    app = app_of()
    threads: list[str] = []
    graph = {"nodes": nodes_of(stage, quiet=Quiet)}

    def on_init(ten_env: Any) -> None:
        cmd = StartGraphCmd.create()
        cmd.set_dests([Loc("")])
        assert cmd.set_graph_from_json(json.dumps(graph))

        def on_result(_env: Any, result: Any, error: Any) -> None:
            threads.append(threading.current_thread().name)
            assert error is None and result.get_status_code() == StatusCode.OK
            app.close()

        ten_env.send_cmd(cmd, on_result)
        ten_env.on_init_done()

    app.on_init = on_init
    app.run(False)
    assert threads == [threading.current_thread().name]


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

    shared = {"name": "shared", "singleton": True, "graph": {"nodes": nodes_of(stage, answering=Answering)}}
    one = app_of(ten={"uri": "http://one", "predefined_graphs": [shared]}, virtual=False)
    ready = threading.Event()
    acknowledge = one.on_init

    def on_init(ten_env: Any) -> None:
        acknowledge(ten_env)
        ready.set()

    one.on_init = on_init
    one.run(True)
    assert ready.wait(5)
    two = app_of(nodes_of(stage, asking=Asking), ten={"uri": "http://two"}, virtual=False)
    two.run(False)
    one.wait()
    assert answers == ["http://two"]


APP = """
import sys
from ten_runtime import *
class Plain(AsyncExtension):
    async def on_start(self, env):
        print("up", flush=True)
    async def on_stop(self, env):
        print("stopped", flush=True)
        if "stubborn" in sys.argv:
            import asyncio
            await asyncio.sleep(100)
@register_addon_as_extension("plain")
class A(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Plain(name), context)
class MyApp(App):
    def on_configure(self, ten_env):
        nodes = '[{"type": "extension", "name": "p", "addon": "plain"}]'
        graph = '{"name": "g", "auto_start": true, "graph": {"nodes": %s}}' % nodes
        ten_env.init_property_from_json('{"ten": {"predefined_graphs": [%s]}}' % graph)
        ten_env.on_configure_done()
MyApp().run(False)
print("closed", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("stubborn", [False, True])
def test_the_first_signal_closes_in_order_and_the_second_ends_the_process(stubborn: bool, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", APP, *(["stubborn"] if stubborn else [])]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env, cwd=tmp_path
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopped\n"
        if stubborn:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 1
        else:
            assert process.stdout.readline() == "closed\n"
            assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_failures_in_the_apps_own_callbacks_are_its_verdict() -> None:
    class Failing(App):
        def on_init(self, ten_env: Any) -> None:
            raise RuntimeError("out of cheese")

    app = Failing()
    app.set_virtual_clock(True)
    app.run(False)
    failure = app.failure()
    assert failure is not None and "on_init raised RuntimeError: out of cheese" in failure.error_message()


def test_messages_to_an_app_that_takes_none_are_refused(app_of: Any, stage: Any) -> None:
    details: list[str] = []

    class Asking(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            cmd = Cmd.create("hello")
            cmd.set_dests([Loc("")])
            result, _error = await async_ten_env.send_cmd(cmd)
            details.append(result.get_property_string("detail")[0])
            data = Data.create("hello")
            data.set_dests([Loc("")])
            await async_ten_env.send_data(data)
            await close_app(async_ten_env)

    app = app_of(nodes_of(stage, asking=Asking))
    app.run(False)
    assert details == ["Failed to find destination."]


@pytest.mark.parametrize(("disabled", "hooked"), [("false", True), ("true", False)])
def test_signals_are_hooked_only_while_an_app_runs_in_the_foreground(
    app_of: Any, monkeypatch: pytest.MonkeyPatch, disabled: str, hooked: bool
) -> None:
    monkeypatch.setenv("TEN_DISABLE_SIGNAL_TRAP", disabled)
    before = signal.getsignal(signal.SIGTERM)
    during: list[Any] = []
    app = app_of()
    acknowledge = app.on_init

    def on_init(ten_env: Any) -> None:
        during.append(signal.getsignal(signal.SIGTERM))
        acknowledge(ten_env)
        app.close()

    app.on_init = on_init
    app.run(False)
    assert (during[0] is not before) is hooked
    assert signal.getsignal(signal.SIGTERM) is before


def test_placeholders_in_app_properties_are_resolved(app_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEN_TEST_WORD", "word")
    seen: list[Any] = []
    app = app_of(word="${env:TEN_TEST_WORD}")
    acknowledge = app.on_init

    def on_init(ten_env: Any) -> None:
        seen.append(ten_env.get_property_string("word"))
        acknowledge(ten_env)
        app.close()

    app.on_init = on_init
    app.run(False)
    assert seen == [("word", None)]
    unset = app_of(word="${env:TEN_TEST_UNSET}")
    unset.run(False)
    assert "TEN_TEST_UNSET" in unset.failure().error_message()


def test_closing_while_a_graph_is_being_made_is_no_failure(app_of: Any, stage: Any) -> None:
    from ten_runtime import Addon, Extension, register_addon_as_extension

    @register_addon_as_extension("made_slowly")
    class _Slow(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            app.close()
            threading.Timer(0.05, lambda: ten_env.on_create_instance_done(AsyncExtension(name), context)).start()

    nodes = nodes_of(stage, sync=Extension)
    nodes.append({"type": "extension", "name": "slow", "addon": "made_slowly"})
    app = app_of(nodes, virtual=False)
    app.run(False)
    assert app.failure() is None and app.events[-1] == "deinit"
    groups = [thread for thread in threading.enumerate() if thread.name == "ten:unspecified_group"]
    for thread in groups:
        thread.join(2)
    assert not any(thread.is_alive() for thread in groups)
