"""Extensions with plain callbacks: one thread per group, acknowledgements, handlers, properties from any thread."""

from __future__ import annotations

import threading
import time
from typing import Any

from ten_runtime import AsyncExtension, Cmd, CmdResult, Data, Extension, Loc, StatusCode


def reply(env: Any, cmd: Cmd, **properties: str) -> None:
    result = CmdResult.create(StatusCode.OK, cmd)
    for key, value in properties.items():
        result.set_property_string(key, value)
    assert env.return_result(result) is None


def test_callbacks_of_a_group_share_one_thread_and_never_overlap(stage: Any) -> None:
    class Counter(Extension):
        running = 0
        overlaps = 0

        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            Counter.running += 1
            Counter.overlaps += Counter.running > 1
            time.sleep(0.001)
            Counter.running -= 1
            reply(ten_env, cmd, thread=threading.current_thread().name)

    threads: dict[str, set[str]] = {}

    async def script(env: Any, _tester: Any) -> None:
        for name in ("a", "b", "c", "d"):
            for _ in range(3):
                cmd = Cmd.create("x")
                cmd.set_dests([Loc("", "", name)])
                result, _error = await env.send_cmd(cmd)
                threads.setdefault(name, set()).add(result.get_property_string("thread")[0])

    graph = stage.graph(
        a={"of": Counter, "extension_group": "one"},
        b={"of": Counter, "extension_group": "one"},
        c={"of": Counter, "extension_group": "two"},
        d=Counter,
    )
    assert stage.play(None, script, graph=graph) is None
    assert threads == {"a": {"one"}, "b": {"one"}, "c": {"two"}, "d": {"ten:unspecified_group"}}
    assert Counter.overlaps == 0


def test_acknowledgements_may_come_later_from_any_thread(stage: Any) -> None:
    events: list[str] = []

    class Later(Extension):
        def _later(self, acknowledge: Any, name: str) -> None:
            events.append(name)
            threading.Timer(0.02, acknowledge).start()

        def on_configure(self, ten_env: Any) -> None:
            self._later(ten_env.on_configure_done, "configure")

        def on_init(self, ten_env: Any) -> None:
            self._later(ten_env.on_init_done, "init")

        def on_start(self, ten_env: Any) -> None:
            self._later(ten_env.on_start_done, "start")

        def on_stop(self, ten_env: Any) -> None:
            self._later(ten_env.on_stop_done, "stop")

        def on_deinit(self, ten_env: Any) -> None:
            self._later(ten_env.on_deinit_done, "deinit")

        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            reply(ten_env, cmd)

    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("x"))
        assert error is None and result.get_status_code() == StatusCode.OK

    assert stage.play(Later, script) is None
    assert [event for event in events if event != "start"] == ["configure", "init", "stop", "deinit"]


def test_an_acknowledgement_out_of_turn_is_ignored(stage: Any) -> None:
    class Eager(Extension):
        def on_configure(self, ten_env: Any) -> None:
            ten_env.on_stop_done()
            ten_env.on_start_done()
            ten_env.on_configure_done()

        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            ten_env.on_deinit_done()
            reply(ten_env, cmd)

    async def script(env: Any, _tester: Any) -> None:
        result, _error = await env.send_cmd(Cmd.create("x"))
        assert result.get_status_code() == StatusCode.OK

    assert stage.play(Eager, script) is None


def test_routing_errors_reach_the_handler_before_send_returns(stage: Any) -> None:
    outcomes: list[Any] = []

    class Sender(Extension):
        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            order: list[str] = []

            def on_result(env: Any, result: Any, error: Any) -> None:
                order.append(f"cmd {result} {error.error_code()} {env is ten_env}")

            def on_error(env: Any, error: Any) -> None:
                order.append(f"data {error.error_code()}")

            assert ten_env.send_cmd(Cmd.create("nobody"), on_result) is None
            order.append("after cmd")
            assert ten_env.send_data(Data.create("nobody"), on_error) is None
            order.append("after data")
            assert ten_env.send_data(Data.create("nobody"), "not callable") is None
            outcomes.append(order)
            reply(ten_env, cmd)

    async def script(env: Any, _tester: Any) -> None:
        await env.send_cmd(Cmd.create("x"))

    graph = stage.graph(
        [{"extension": "ten:test_extension", "cmd": [{"name": "x", "dest": [{"extension": "sut"}]}]}], sut=Sender
    )
    assert stage.play(None, script, graph=graph) is None
    assert outcomes == [["cmd None 7 True", "after cmd", "data 7", "after data"]]


def test_results_come_to_the_handler_on_the_groups_thread_after_the_callback(stage: Any) -> None:
    events: list[str] = []

    class Asker(Extension):
        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            thread = threading.current_thread()

            def on_result(env: Any, result: Any, _error: Any) -> None:
                assert threading.current_thread() is thread
                events.append(f"{result.get_property_string('n')[0]} {result.is_completed()}")
                if result.is_completed():
                    reply(env, cmd)

            ten_env.send_cmd_ex(Cmd.create("stream"), on_result)
            events.append("sent")

    class Streamer(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            for index in range(2):
                result = CmdResult.create(StatusCode.OK, cmd)
                result.set_property_string("n", str(index))
                result.set_final(index == 1)
                await async_ten_env.return_result(result)

    graph = stage.graph(
        [
            {"extension": "ten:test_extension", "cmd": [{"name": "x", "dest": [{"extension": "asker"}]}]},
            {"extension": "asker", "cmd": [{"name": "stream", "dest": [{"extension": "streamer"}]}]},
        ],
        asker=Asker,
        streamer=Streamer,
    )

    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("x"))
        assert error is None and result.get_status_code() == StatusCode.OK

    assert stage.play(None, script, graph=graph) is None
    assert events == ["sent", "0 False", "1 True"]


def test_properties_can_be_used_from_many_threads(stage: Any) -> None:
    class Busy(Extension):
        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            failures: list[Any] = []

            def read() -> None:
                for _ in range(2000):
                    value, error = ten_env.get_property_int("n")
                    if value != 7 or error is not None:
                        failures.append(error)

            threads = [threading.Thread(target=read) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            reply(ten_env, cmd, failures=str(len(failures)))

    async def script(env: Any, _tester: Any) -> None:
        result, _error = await env.send_cmd(Cmd.create("x"))
        assert result.get_property_string("failures")[0] == "0"

    assert stage.play(Busy, script, properties={"n": 7}) is None


def test_sending_from_another_thread_keeps_its_order(stage: Any) -> None:
    class Threaded(Extension):
        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            def send() -> None:
                for index in range(20):
                    assert ten_env.send_data(Data.create(f"d{index}")) is None
                reply(ten_env, cmd)

            threading.Thread(target=send).start()

    async def script(env: Any, tester: Any) -> None:
        await env.send_cmd(Cmd.create("x"))
        assert [(await tester.next()).get_name() for _ in range(20)] == [f"d{index}" for index in range(20)]

    assert stage.play(Threaded, script) is None


def test_after_the_end_every_call_is_an_error(stage: Any) -> None:
    kept: list[Any] = []

    class Keeper(Extension):
        def on_start(self, ten_env: Any) -> None:
            kept.append(ten_env)
            ten_env.on_start_done()

    async def script(env: Any, _tester: Any) -> None:
        await env.send_data(Data.create("x"))
        import asyncio

        await asyncio.sleep(0.05)

    assert stage.play(Keeper, script) is None
    env = kept[0]
    cmd = Cmd.create("x")
    error = env.send_cmd(cmd)
    assert error.error_code() == 6
    assert error.error_message() == "ten_env.send_cmd() failed because the TEN is closed."
    assert cmd.get_name() == "x", "a refused message stays valid"
    assert env.send_data(Data.create("x")).error_code() == 6
    assert env.get_property_int("a")[0] == 0 and env.get_property_int("a")[1].error_code() == 6
    assert env.get_property_string("a")[0] == "" and env.set_property_bool("a", True).error_code() == 6
    assert env.log_info("x").error_code() == 6
    try:
        env.on_deinit_done()
    except ValueError as reason:
        assert "closed" in str(reason)
    else:
        raise AssertionError("an acknowledgement after the end must raise")


def test_is_property_exist_differs_between_sync_and_async(stage: Any) -> None:
    class Checker(Extension):
        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            assert ten_env.is_property_exist("n") == (True, None)
            missing, error = ten_env.is_property_exist("m")
            assert missing is False and error.error_code() == 100000
            reply(ten_env, cmd)

    class AsyncChecker(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            assert await async_ten_env.is_property_exist("n") == (True, None)
            assert await async_ten_env.is_property_exist("m") == (False, None)
            await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    async def script(env: Any, _tester: Any) -> None:
        result, _error = await env.send_cmd(Cmd.create("x"))
        assert result.get_status_code() == StatusCode.OK

    for sut in (Checker, AsyncChecker):
        assert stage.play(sut, script, properties={"n": 7}) is None
