"""What testers promise: modes, verdicts, timeouts, their end."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from ten_runtime import (
    App,
    AsyncExtension,
    AsyncExtensionTester,
    Cmd,
    CmdResult,
    Data,
    ExtensionTester,
    Loc,
    StatusCode,
    TenError,
    TenErrorCode,
)


class Answering(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def error(code: TenErrorCode = TenErrorCode.ErrorCodeGeneric, text: str | None = None) -> TenError:
    return TenError.create(code, text)


def test_the_tested_node_is_named_like_its_addon(stage: Any) -> None:
    class Named(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("name", self.name)
            await async_ten_env.return_result(result)

    addon = stage.addon(Named)

    class Tester(AsyncExtensionTester):
        async def on_start(self, ten_env: Any) -> None:
            result, _error = await ten_env.send_cmd(Cmd.create("any"))
            self.name = result.get_property_string("name")[0]
            ten_env.stop_test()

    tester = Tester()
    tester.set_test_mode_single(addon)
    assert tester.run() is None
    assert tester.name == addon


def test_single_mode_reroutes_everything_even_with_explicit_destinations(stage: Any) -> None:
    class Addresser(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            cmd = Cmd.create("ten:start_graph")
            cmd.set_dests([Loc("")])
            result, failure = await async_ten_env.send_cmd(cmd)
            assert failure is None and result.get_status_code() == StatusCode.OK
            await async_ten_env.send_data(Data.create("done"))

    async def script(env: Any, tester: Any) -> None:
        data = Data.create("x")
        data.set_dests([Loc("", "", "somebody else")])
        await env.send_data(data)
        cmd = await tester.next()
        assert cmd.get_name() == "ten:start_graph"
        await env.return_result(CmdResult.create(StatusCode.OK, cmd))
        assert (await tester.next()).get_name() == "done"

    assert stage.play(Addresser, script) is None


def test_the_first_error_is_the_verdict(stage: Any) -> None:
    class Tester(AsyncExtensionTester):
        async def on_start(self, ten_env: Any) -> None:
            assert ten_env.stop_test() is None
            ten_env.stop_test(error(TenErrorCode.ErrorCodeInvalidType, "first"))
            ten_env.stop_test(error(text="second"))
            ten_env.stop_test()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Answering))
    verdict = tester.run()
    assert verdict is not None and verdict.error_code() == 4 and verdict.error_message() == "first"


def test_a_verdict_without_a_message_has_an_empty_one(stage: Any) -> None:
    class Tester(ExtensionTester):
        def on_init(self, ten_env: Any) -> None:
            ten_env.stop_test(error())
            ten_env.on_init_done()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Answering))
    verdict = tester.run()
    assert isinstance(verdict, TenError) and verdict.error_message() == ""


def test_a_timeout_is_code_8(stage: Any) -> None:
    for tester in (AsyncExtensionTester(), ExtensionTester()):
        tester.set_test_mode_single(stage.addon(Answering))
        tester.set_virtual_clock(True)
        verdict = tester.run()  # the default of three minutes
        assert verdict is not None and verdict.error_code() == 8 and verdict.error_message() == "Test timeout."


def test_a_timeout_does_not_interrupt_a_blocking_callback(stage: Any) -> None:
    class Tester(ExtensionTester):
        def on_start(self, ten_env: Any) -> None:
            time.sleep(0.3)
            ten_env.on_start_done()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Answering))
    tester.set_timeout(50_000)
    started = time.monotonic()
    verdict = tester.run()
    assert verdict is not None and verdict.error_code() == 8
    assert time.monotonic() - started >= 0.3


def test_sync_callbacks_run_on_the_callers_thread_and_async_ones_do_not(stage: Any) -> None:
    threads: list[threading.Thread] = []

    class Sync(ExtensionTester):
        def on_start(self, ten_env: Any) -> None:
            threads.append(threading.current_thread())
            ten_env.on_start_done()
            ten_env.stop_test()

    class Async(AsyncExtensionTester):
        async def on_start(self, ten_env: Any) -> None:
            threads.append(threading.current_thread())
            ten_env.stop_test()

    for tester in (Sync(), Async()):
        tester.set_test_mode_single(stage.addon(Answering))
        assert tester.run() is None
    assert threads[0] is threading.current_thread() and threads[1] is not threading.current_thread()


def test_a_sync_tester_needs_no_super_init_and_handlers_get_its_environment(stage: Any) -> None:
    class Tester(ExtensionTester):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def on_start(self, ten_env: Any) -> None:
            def on_result(env: Any, result: Any, failure: Any) -> None:
                self.seen.append(f"{env is ten_env} {result.get_status_code()} {failure}")
                env.stop_test()

            ten_env.send_cmd(Cmd.create("x"), on_result)
            ten_env.on_start_done()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Answering))
    assert tester.run() is None
    assert tester.seen == ["True 0 None"]


def test_graph_mode_uses_the_testers_connections(stage: Any) -> None:
    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("in"))
        back = await tester.next()
        assert back.get_name() == "out" and back.get_source().extension_name == "relay"
        unknown, failure = await env.send_cmd(Cmd.create("unwired"))
        assert unknown is None and failure.error_code() == 7

    class Relay(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            await async_ten_env.send_data(Data.create("out"))

    graph = stage.graph(
        [
            {"extension": "relay", "data": [{"name": "in", "source": [{"extension": "ten:test_extension"}]}]},
            {"extension": "ten:test_extension", "data": [{"name": "out", "source": [{"extension": "relay"}]}]},
        ],
        relay=Relay,
    )
    assert stage.play(None, script, graph=graph) is None


@pytest.mark.parametrize("with_fake_app", [True, False])
def test_many_testers_run_with_and_without_an_app_that_lives_as_long_as_the_session(
    stage: Any, with_fake_app: bool
) -> None:
    class FakeApp(App):
        def __init__(self) -> None:
            super().__init__()
            self.event = threading.Event()

        def on_configure(self, ten_env: Any) -> None:
            ten_env.init_property_from_json(json.dumps({"ten": {"log": {"handlers": []}}}))
            ten_env.on_configure_done()

        def on_init(self, ten_env: Any) -> None:
            self.event.set()
            ten_env.on_init_done()

    app = FakeApp()
    thread = threading.Thread(target=app.run, args=(False,))
    if with_fake_app:
        thread.start()
        assert app.event.wait(5)
    addon = stage.addon(Answering)
    for _ in range(3):
        tester = AsyncExtensionTester()
        tester.set_test_mode_single(addon)
        tester.set_timeout(10_000)
        verdict = tester.run()
        assert verdict is not None and verdict.error_code() == 8
    if with_fake_app:
        app.close()
        thread.join(5)
        assert not thread.is_alive() and app.failure() is None
