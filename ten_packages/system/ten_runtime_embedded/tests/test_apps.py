"""Apps: life, properties, predefined graphs, failures, signals."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from ten_runtime import App, AsyncExtension, Cmd, Data, Loc, StartGraphCmd, StatusCode, TenErrorCode


def test_an_app_lives_until_an_extension_closes_it(app_of: Any, stage: Any) -> None:
    class Closer(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            await stage.close_app(async_ten_env)

    app = app_of(stage.nodes(closer=Closer))
    app.run(False)
    assert app.events == ["configure", "init", "deinit"]
    assert app.failure() is None
    with pytest.raises(RuntimeError, match=r"Failed to run ten_app\."):
        app.run(False)


def test_an_extension_can_say_why_it_closes_the_app(app_of: Any, stage: Any) -> None:
    class GivingUp(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            cmd = Cmd.create("ten:close_app")
            cmd.set_dests([Loc("")])
            cmd.set_property_string("failure", "the port is taken")
            await async_ten_env.send_cmd(cmd)

    app = app_of(stage.nodes(one=GivingUp))
    app.run(False)
    assert app.failure().error_message() == "the port is taken"


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


def test_extensions_read_the_apps_properties_but_do_not_write_them(app_of: Any, stage: Any) -> None:
    seen: list[Any] = []

    class Reader(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            seen.append(await async_ten_env.get_property_string("app:greeting"))
            seen.append(await async_ten_env.is_property_exist("extension:greeting"))
            refused = await async_ten_env.set_property_string("app:greeting", "x")
            seen.append(refused.error_code())
            await stage.close_app(async_ten_env)

    app = app_of(stage.nodes(reader=Reader), greeting="hello")
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


def test_an_exception_closes_the_app_in_order_with_an_error(app_of: Any, stage: Any) -> None:
    ends: list[str] = []

    class Failing(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            raise RuntimeError("out of cheese")

    class Other(AsyncExtension):
        async def on_deinit(self, async_ten_env: Any) -> None:
            ends.append("other")

    app = app_of(stage.nodes(failing=Failing, other=Other))
    app.run(False)
    assert 'node "failing"' in app.failure().error_message() and __file__ in app.failure().error_message()
    assert ends == ["other"] and app.events[-1] == "deinit"


def test_an_app_can_send_commands_and_gets_results_on_its_own_thread(app_of: Any, stage: Any) -> None:
    class Quiet(AsyncExtension):
        """Waits."""

    app = app_of()
    threads: list[str] = []
    graph = {"nodes": stage.nodes(quiet=Quiet)}

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


@pytest.mark.parametrize("error", [RuntimeError("out of cheese"), SystemExit("out of cheese")], ids=repr)
def test_failures_in_the_apps_own_callbacks_are_its_verdict(error: BaseException) -> None:
    class Failing(App):
        def on_init(self, ten_env: Any) -> None:
            raise error

    app = Failing()
    app.set_virtual_clock(True)
    app.run(False)
    failure = app.failure()
    assert failure is not None
    assert f"on_init raised {type(error).__name__}: out of cheese" in failure.error_message()


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
            await stage.close_app(async_ten_env)

    app = app_of(stage.nodes(asking=Asking))
    app.run(False)
    assert details == ["Failed to find destination."]


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
