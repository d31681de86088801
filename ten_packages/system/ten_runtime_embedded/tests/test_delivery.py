"""How messages arrive: their order, their tasks, full inboxes, threads."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import threading
from typing import Any

import pytest
from ten_runtime import (
    AsyncExtension,
    Cmd,
    CmdResult,
    Data,
    Loc,
    StatusCode,
    statistics,
)


def test_handlers_start_in_arrival_order_and_run_concurrently(stage: Any) -> None:
    events: list[str] = []

    class Slow(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            name = data.get_name()
            events.append(f"start {name}")
            await asyncio.sleep({"a": 3, "b": 1, "c": 2}[name])
            events.append(f"end {name}")

    async def script(env: Any, _tester: Any) -> None:
        for name in "abc":
            await env.send_data(Data.create(name))
        await asyncio.sleep(5)

    assert stage.play(Slow, script, virtual=True) is None
    assert events == ["start a", "start b", "start c", "end b", "end c", "end a"]


def test_each_suspended_handler_has_a_task_of_its_own(stage: Any) -> None:
    outcomes: dict[str, Any] = {}

    class Tasks(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            name = data.get_name()
            before = asyncio.current_task()
            if name == "timeout":
                try:
                    await asyncio.wait_for(asyncio.sleep(10), 1)
                except asyncio.TimeoutError:
                    outcomes[name] = "timed out"
            elif name == "cancelled":
                assert before is not None
                asyncio.get_running_loop().call_later(0.5, before.cancel)
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    outcomes[name] = "cancelled"
                    raise
            else:
                await asyncio.sleep(2)
                outcomes[name] = "undisturbed"
            assert asyncio.current_task() is before
            outcomes[f"task {name}"] = before

    async def script(env: Any, _tester: Any) -> None:
        for name in ("timeout", "cancelled", "plain"):
            await env.send_data(Data.create(name))
        await asyncio.sleep(5)

    assert stage.play(Tasks, script, virtual=True) is None
    assert (outcomes["timeout"], outcomes["cancelled"], outcomes["plain"]) == ("timed out", "cancelled", "undisturbed")
    assert outcomes["task timeout"] is not outcomes["task plain"]


def test_context_variables_of_one_message_do_not_reach_the_next(stage: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[tuple[str, str]] = []

    class Contexts(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            before = variable.get()
            variable.set(data.get_name())
            if data.get_name() == "b":
                await asyncio.sleep(0)
            seen.append((before, variable.get()))

    async def script(env: Any, _tester: Any) -> None:
        for name in "abc":
            await env.send_data(Data.create(name))
        await asyncio.sleep(0.05)

    assert stage.play(Contexts, script) is None
    assert sorted(seen) == [("unset", "a"), ("unset", "b"), ("unset", "c")]


def test_messages_and_results_of_one_sender_keep_their_order(stage: Any) -> None:
    order: list[str] = []
    count = 100  # more than are handled in one go

    class Asker(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            if data.get_name() == "go":
                result, _error = await async_ten_env.send_cmd(Cmd.create("ask"))
                order.append(f"result {result.get_property_string('n')[0]}")
            else:
                order.append(data.get_name())

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("go"))
        cmd = await tester.next()
        for index in range(count):
            await env.send_data(Data.create(f"data {index}"))
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_string("n", "last")
        await env.return_result(result)
        await asyncio.sleep(0.1)

    assert stage.play(Asker, script, virtual=True) is None
    expected = [*(f"data {index}" for index in range(count)), "result last"]
    assert order == expected
    order.clear()
    assert stage.play(Asker, script) is None
    assert order == expected


def test_a_fire_and_forget_send_does_not_yield(stage: Any) -> None:
    class Sink(AsyncExtension):
        count = 0

        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            Sink.count += 1

    async def script(env: Any, _tester: Any) -> None:
        for _ in range(10):
            await env.send_data(Data.create("d"))
        assert Sink.count == 0
        await asyncio.sleep(0.01)
        assert Sink.count == 10

    assert stage.play(Sink, script, virtual=True) is None


def test_a_full_inbox_drops_data_but_never_commands(stage: Any) -> None:
    from ten_runtime import statistics

    handled: list[str] = []

    class Sink(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            handled.append(data.get_name())

        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    async def script(env: Any, _tester: Any) -> None:
        asking = [asyncio.ensure_future(env.send_cmd(Cmd.create("first")))]
        await asking[0]
        for index in range(30):
            await env.send_data(Data.create(f"d{index}"))
        result, error = await env.send_cmd(Cmd.create("c"))
        assert error is None and result.get_status_code() == StatusCode.OK
        report = statistics.snapshot(result.get_source().graph_id)
        assert report is not None
        node = next(item for item in report["nodes"] if item["name"] != "ten:test_extension")
        assert (node["dropped"], node["high_water"], node["limit"]) == (20, 11, 10)

    assert stage.play(Sink, script, properties={"ten_embedded": {"inbox_limit": 10}}, virtual=True) is None
    assert handled == [f"d{index}" for index in range(10)]


def test_the_environment_can_be_used_from_another_threads_loop(stage: Any) -> None:
    class Threaded(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            async def elsewhere() -> str:
                result, error = await async_ten_env.send_cmd(Cmd.create("from_thread"))
                assert error is None
                await async_ten_env.send_data(Data.create("sent_from_thread"))
                results = [item async for item, _e in async_ten_env.send_cmd_ex(Cmd.create("stream_from_thread"))]
                assert len(results) == 1
                return str(result.get_property_string("detail")[0])

            self.answer = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
            done = Data.create("done")
            done.set_property_string("answer", self.answer)
            await async_ten_env.send_data(done)

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("go"))
        for _ in range(2):
            item = await tester.next()
            if isinstance(item, Data):
                assert item.get_name() == "sent_from_thread"
                item = await tester.next()
            result = CmdResult.create(StatusCode.OK, item)
            result.set_property_string("detail", item.get_name())
            await env.return_result(result)
        done = await tester.next()
        if done.get_name() == "sent_from_thread":
            done = await tester.next()
        assert done.get_property_string("answer")[0] == "from_thread"

    assert stage.play(Threaded, script) is None


@pytest.mark.parametrize("mode", ["multi_thread", "nonsense"])
def test_thread_modes(stage: Any, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("TEN_PYTHON_THREAD_MODE", mode)

    class Named(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("thread", threading.current_thread().name)
            await async_ten_env.return_result(result)

    threads: dict[str, str] = {}

    async def script(env: Any, _tester: Any) -> None:
        for name in ("a", "b"):
            cmd = Cmd.create("c")
            cmd.set_dests([Loc("", "", name)])
            result, error = await env.send_cmd(cmd)
            assert error is None
            threads[name] = result.get_property_string("thread")[0]

    assert stage.play(None, script, graph=stage.graph(a=Named, b=Named)) is None
    if mode == "multi_thread":
        assert threads == {"a": "AsyncExtension-a", "b": "AsyncExtension-b"}
    else:
        assert threads == {"a": "PythonGlobalMainThread", "b": "PythonGlobalMainThread"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("AsyncExtension")]


def test_messages_go_on_when_an_extension_cancels_the_task_that_delivers_them(stage: Any) -> None:
    class CancelsAll(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            if data.get_name() == "begin":
                await asyncio.sleep(0)  # from here on this is a task of its own
                await async_ten_env.send_data(Data.create("again"))
                for task in asyncio.all_tasks():
                    if "Pump" in repr(task) and task is not asyncio.current_task():
                        task.cancel()
            else:
                await async_ten_env.send_data(Data.create("arrived"))

    async def script(env: Any, tester: Any) -> None:
        data = Data.create("begin")
        data.set_dests([Loc("", "", "one")])
        await env.send_data(data)
        assert (await tester.next()).get_name() == "arrived"

    wiring = [
        {
            "extension": "one",
            "data": [
                {"name": "again", "dest": [{"extension": "one"}]},
                {"name": "arrived", "dest": [{"extension": "ten:test_extension"}]},
            ],
        }
    ]
    assert stage.play(None, script, graph=stage.graph(wiring, one=CancelsAll)) is None


def test_bursts_through_a_chain_do_not_pile_up_in_it(stage: Any) -> None:
    class PassesOn(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            await async_ten_env.send_data(data)

    class Source(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            for index in range(4000):
                await async_ten_env.send_data(Data.create("d"))
                if index % 16 == 15:
                    await asyncio.sleep(0)
            graph = statistics.snapshot(cmd.get_source().graph_id)
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_int("high_water", max(node["high_water"] for node in graph["nodes"]))
            await async_ten_env.return_result(result)

    class Sink(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None: ...

    async def script(env: Any, _tester: Any) -> None:
        result, _error = await env.send_cmd(Cmd.create("begin"))
        assert 16 <= result.get_property_int("high_water")[0] <= 32

    names = ["source", "one", "two", "three", "four", "sink"]
    wiring: list[dict[str, Any]] = [
        {"extension": sender, "data": [{"name": "d", "dest": [{"extension": receiver}]}]}
        for sender, receiver in itertools.pairwise(names)
    ]
    wiring.append({"extension": "ten:test_extension", "cmd": [{"name": "begin", "dest": [{"extension": "source"}]}]})
    middle = {name: PassesOn for name in names[1:-1]}
    assert stage.play(None, script, graph=stage.graph(wiring, source=Source, **middle, sink=Sink)) is None


def test_two_extensions_that_only_talk_to_each_other_leave_the_loop_to_others(stage: Any) -> None:
    class Pong(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            await async_ten_env.send_data(data)

    async def script(env: Any, _tester: Any) -> None:
        data = Data.create("ball")
        data.set_dests([Loc("", "", "one")])
        await env.send_data(data)
        cmd = Cmd.create("hello")
        cmd.set_dests([Loc("", "", "other")])
        result, _error = await asyncio.wait_for(env.send_cmd(cmd), 5)
        assert result.get_status_code() == StatusCode.OK

    class Other(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            await asyncio.sleep(0.01)
            await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    wiring = [
        {"extension": "one", "data": [{"name": "ball", "dest": [{"extension": "two"}]}]},
        {"extension": "two", "data": [{"name": "ball", "dest": [{"extension": "one"}]}]},
    ]
    assert stage.play(None, script, graph=stage.graph(wiring, one=Pong, two=Pong, other=Other)) is None
