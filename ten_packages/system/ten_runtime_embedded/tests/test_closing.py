"""The end of extensions: what still reaches them, and who is told."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from ten_runtime import AsyncExtension, Cmd, CmdResult, Data, Loc, StatusCode


async def ok(env: Any, cmd: Cmd, **properties: str) -> None:
    result = CmdResult.create(StatusCode.OK, cmd)
    for key, value in properties.items():
        result.set_property_string(key, value)
    await env.return_result(result)


def test_between_stop_and_deinit_messages_are_delivered_and_after_it_refused(stage: Any) -> None:
    class Late(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            await asyncio.sleep(1)

        async def on_deinit(self, async_ten_env: Any) -> None:
            await asyncio.sleep(2)

        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            await ok(async_ten_env, cmd, detail="handled")

    details: list[str] = []

    class Asker(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            for _ in range(4):
                result, error = await async_ten_env.send_cmd(Cmd.create("ping"))
                assert error is None
                details.append(result.get_property_string("detail")[0])
                await asyncio.sleep(0.9)

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(0.5)

    graph = stage.graph(
        [{"extension": "asker", "cmd": [{"name": "ping", "dest": [{"extension": "late"}]}]}], asker=Asker, late=Late
    )
    assert stage.play(None, script, graph=graph, virtual=True) is None
    assert details == ["handled", "handled", *["The destination extension is in its de-initialization phase."] * 2]


def test_a_closed_extension_answers_that_it_is_terminated(stage: Any) -> None:
    details: list[str] = []

    class Asker(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            await asyncio.sleep(1)
            result, _error = await async_ten_env.send_cmd(Cmd.create("ping"))
            details.append(result.get_property_string("detail")[0])

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(0.1)

    graph = stage.graph(
        [{"extension": "asker", "cmd": [{"name": "ping", "dest": [{"extension": "other"}]}]}],
        asker=Asker,
        other=AsyncExtension,
    )
    assert stage.play(None, script, graph=graph, virtual=True) is None
    assert details == ["The destination extension has been terminated."]


def test_on_deinit_may_still_send_and_await(stage: Any) -> None:
    class Goodbye(AsyncExtension):
        async def on_deinit(self, async_ten_env: Any) -> None:
            result, error = await async_ten_env.send_cmd(Cmd.create("bye"))
            assert error is None and result.get_status_code() == StatusCode.OK

    class Listener(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            await asyncio.sleep(1)

        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            assert cmd.get_name() == "bye"
            await ok(async_ten_env, cmd)

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(0.1)

    graph = stage.graph(
        [{"extension": "goodbye", "cmd": [{"name": "bye", "dest": [{"extension": "listener"}]}]}],
        goodbye=Goodbye,
        listener=Listener,
    )
    assert stage.play(None, script, graph=graph, virtual=True) is None


def test_awaits_that_are_open_at_the_end_get_an_error_result(stage: Any) -> None:
    outcomes: list[Any] = []

    class Waiter(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            result, error = await async_ten_env.send_cmd(Cmd.create("never_answered"))
            outcomes.append((result.get_status_code(), error))

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("go"))
        assert (await tester.next()).get_name() == "never_answered"

    assert stage.play(Waiter, script) is None
    assert outcomes == [(StatusCode.ERROR, None)]


def test_a_sender_whose_receiver_closes_gets_an_error_result_at_once(stage: Any) -> None:
    details: list[str] = []

    class Silent(AsyncExtension):
        """Never answers."""

    class Asker(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            result, _error = await async_ten_env.send_cmd(Cmd.create("ping"))
            details.append(result.get_property_string("detail")[0])

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(1)

    graph = stage.graph(
        [{"extension": "asker", "cmd": [{"name": "ping", "dest": [{"extension": "silent"}]}]}],
        asker=Asker,
        silent=Silent,
    )
    assert stage.play(None, script, graph=graph, virtual=True) is None
    assert details == ["The destination extension has been terminated."]


def test_handlers_that_are_left_over_are_cancelled_and_finish(stage: Any) -> None:
    ends: list[str] = []

    class Sleeper(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                ends.append("finally")

    async def script(env: Any, _tester: Any) -> None:
        await env.send_data(Data.create("go"))
        await asyncio.sleep(0.05)

    assert stage.play(Sleeper, script) is None
    assert ends == ["finally"]


def test_sync_stop_before_deinit_waits_for_all(app_of: Any, stage: Any) -> None:
    events: list[str] = []

    class Quick(AsyncExtension):
        delay_s = 0.0

        async def on_stop(self, async_ten_env: Any) -> None:
            await asyncio.sleep(self.delay_s)
            events.append(f"{self.name} stopped")

        async def on_deinit(self, async_ten_env: Any) -> None:
            events.append(f"{self.name} deinit")

    class Slow(Quick):
        delay_s = 2.0

        async def on_start(self, async_ten_env: Any) -> None:
            close = Cmd.create("ten:close_app")
            close.set_dests([Loc("")])
            await async_ten_env.send_cmd(close)

    nodes = [
        {"type": "extension", "name": "quick", "addon": stage.addon(Quick)},
        {"type": "extension", "name": "slow", "addon": stage.addon(Slow)},
    ]
    for is_sync in (True, False):
        events.clear()
        entry = {"name": "g", "auto_start": True, "sync_stop_before_deinit": is_sync, "graph": {"nodes": nodes}}
        app = app_of(ten={"predefined_graphs": [entry]})
        app.run(False)
        assert app.failure() is None
        if is_sync:
            assert events[:2] == ["quick stopped", "slow stopped"]
        else:
            assert events[:2] == ["quick stopped", "quick deinit"]


def test_threads_of_extensions_end_side_by_side(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEN_PYTHON_THREAD_MODE", "multi_thread")
    ended: list[tuple[float, float]] = []
    started = threading.Semaphore(0)

    class Lingering(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            self.task = asyncio.create_task(self.linger())

        async def linger(self) -> None:
            started.release()
            try:
                await asyncio.Event().wait()
            finally:
                began_s = time.monotonic()
                await asyncio.sleep(0.2)
                ended.append((began_s, time.monotonic()))

    async def script(_env: Any, _tester: Any) -> None:
        for _ in names:
            await asyncio.to_thread(started.acquire)

    names = [f"n{index}" for index in range(4)]
    assert stage.play(None, script, graph=stage.graph([], **dict.fromkeys(names, Lingering))) is None
    assert len(ended) == 4
    last_began_s, first_ended_s = max(began for began, _ in ended), min(end for _, end in ended)
    assert last_began_s < first_ended_s
