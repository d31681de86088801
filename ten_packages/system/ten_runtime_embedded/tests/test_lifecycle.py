"""Stages of an extension, and what reaches it in which stage."""

from __future__ import annotations

import asyncio
from typing import Any

from ten_runtime import AsyncExtension, Cmd, CmdResult, Data, Extension, Loc, StatusCode, TriggerLifeCycleCmd


async def ok(env: Any, cmd: Cmd, **properties: str) -> None:
    result = CmdResult.create(StatusCode.OK, cmd)
    for key, value in properties.items():
        result.set_property_string(key, value)
    await env.return_result(result)


class Recorder(AsyncExtension):
    """Notes what happens to it, in order."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.events: list[str] = []

    async def on_configure(self, async_ten_env: Any) -> None:
        self.events.append("configure")

    async def on_init(self, async_ten_env: Any) -> None:
        self.events.append("init")

    async def on_start(self, async_ten_env: Any) -> None:
        self.events.append("start")

    async def on_stop(self, async_ten_env: Any) -> None:
        self.events.append("stop")

    async def on_deinit(self, async_ten_env: Any) -> None:
        self.events.append("deinit")

    async def on_data(self, async_ten_env: Any, data: Data) -> None:
        self.events.append(data.get_name())


def test_stages_follow_one_another(stage: Any) -> None:
    made: list[Recorder] = []

    def make(name: str) -> Recorder:
        made.append(Recorder(name))
        return made[-1]

    async def script(env: Any, _tester: Any) -> None:
        await env.send_data(Data.create("hello"))
        await asyncio.sleep(0.01)

    assert stage.play(make, script) is None
    events = made[0].events
    assert events[:2] == ["configure", "init"] and events[-2:] == ["stop", "deinit"]
    assert sorted(events[2:4]) == ["hello", "start"]


def test_early_messages_wait_for_on_init_and_come_before_on_start(stage: Any) -> None:
    made: list[Recorder] = []

    class SlowInit(Recorder):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            made.append(self)

        async def on_init(self, async_ten_env: Any) -> None:
            await asyncio.sleep(0.2)
            await super().on_init(async_ten_env)

        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            await super().on_data(async_ten_env, data)
            await asyncio.sleep(0)  # a handler that goes on later does not delay the others' start

    async def script(env: Any, _tester: Any) -> None:
        for index in range(40):
            await env.send_data(Data.create(f"d{index}"))
        await asyncio.sleep(1)

    assert stage.play(SlowInit, script, virtual=True) is None
    assert made[0].events[:43] == ["configure", "init", *[f"d{index}" for index in range(40)], "start"]


def test_results_arrive_already_during_on_configure_and_on_init(stage: Any) -> None:
    class Asker(AsyncExtension):
        async def on_configure(self, async_ten_env: Any) -> None:
            await self.ask(async_ten_env, "while_configure")

        async def on_init(self, async_ten_env: Any) -> None:
            await self.ask(async_ten_env, "while_init")

        async def ask(self, env: Any, name: str) -> None:
            result, error = await env.send_cmd(Cmd.create(name))
            assert error is None and result.get_status_code() == StatusCode.OK

    async def script(env: Any, tester: Any) -> None:
        for name in ("while_configure", "while_init"):
            cmd = await tester.next()
            assert cmd.get_name() == name
            await ok(env, cmd)

    assert stage.play(Asker, script) is None


def test_a_stop_during_on_start_waits_for_it_and_goes_on_to_on_stop(stage: Any) -> None:
    made: list[Recorder] = []

    class SlowStart(Recorder):
        async def on_start(self, async_ten_env: Any) -> None:
            made.append(self)
            await asyncio.sleep(2)
            self.events.append("started")

    async def script(env: Any, _tester: Any) -> None:
        await asyncio.sleep(1)

    assert stage.play(SlowStart, script, virtual=True) is None
    assert made[0].events == ["configure", "init", "started", "stop", "deinit"]


def test_a_stop_before_on_init_is_done_skips_on_start_and_answers_what_waits(stage: Any) -> None:
    made: list[Recorder] = []

    class NeverInited(Recorder):
        async def on_configure(self, async_ten_env: Any) -> None:
            made.append(self)
            await asyncio.sleep(5)
            self.events.append("configured")

    details: list[str] = []

    async def script(env: Any, _tester: Any) -> None:
        async def ask() -> None:
            result, _error = await env.send_cmd(Cmd.create("early"))
            details.append(result.get_property_string("detail")[0])

        asking = asyncio.create_task(ask())
        await asyncio.sleep(1)
        env.stop_test()
        await asking

    assert stage.play(NeverInited, script, virtual=True) is None
    assert made[0].events == ["configured", "stop", "deinit"]
    assert details == ["The destination extension is closing."]


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


def _trigger(stage_name: str | None) -> TriggerLifeCycleCmd:
    cmd = TriggerLifeCycleCmd.create()
    if stage_name is not None:
        cmd.set_stage(stage_name)
    cmd.set_dests([Loc("", "", "sut")])
    return cmd


def test_a_manual_start_waits_for_its_trigger_and_handles_messages_meanwhile(stage: Any) -> None:
    made: list[Recorder] = []

    def make(name: str) -> Recorder:
        made.append(Recorder(name))
        return made[-1]

    details: list[str] = []

    async def script(env: Any, _tester: Any) -> None:
        await asyncio.sleep(1)
        hello = Data.create("hello")
        hello.set_dests([Loc("", "", "sut")])
        await env.send_data(hello)
        for name in (None, "pause", "stop", "start", "start"):
            result, error = await env.send_cmd(_trigger(name))
            assert error is None
            details.append(result.get_property_string("detail")[0])

    property_ = {"ten": {"manual_trigger_life_cycle": [{"stage": "start"}]}}
    graph = stage.graph(sut={"of": make, "property": property_})
    assert stage.play(None, script, graph=graph, virtual=True) is None
    assert details == [
        "Missing stage field",
        "Unsupported stage",
        "Extension not configured for manual stop control",
        "Life cycle triggered successfully",
        "already past start stage",
    ]
    assert made[0].events == ["configure", "init", "hello", "start", "stop", "deinit"]


def test_a_manual_stop_waits_for_its_trigger(stage: Any) -> None:
    times: list[float] = []

    class Manual(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            times.append(asyncio.get_running_loop().time())

    class Conductor(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(3)
            result, _error = await async_ten_env.send_cmd(_trigger("stop"))
            assert result.get_property_string("detail")[0] == "Life cycle triggered successfully"

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(0.1)

    property_ = {"ten": {"manual_trigger_life_cycle": [{"stage": "stop"}]}}
    graph = stage.graph(sut={"of": Manual, "property": property_}, conductor=Conductor)
    assert stage.play(None, script, graph=graph, virtual=True) is None
    assert times[1] - times[0] == 3


def test_an_extension_that_never_acknowledges_its_end_is_named_and_left_behind(app_of: Any, stage: Any) -> None:
    class Stuck(Extension):
        def on_stop(self, ten_env: Any) -> None:
            """Forgets on_stop_done."""

    class Closer(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            close = Cmd.create("ten:close_app")
            close.set_dests([Loc("")])
            await async_ten_env.send_cmd(close)

    nodes = [
        {"type": "extension", "name": "stuck", "addon": stage.addon(Stuck)},
        {"type": "extension", "name": "closer", "addon": stage.addon(Closer)},
    ]
    app = app_of(nodes, ten_embedded={"stop_timeout_s": 3})
    app.run(False)
    failure = app.failure()
    assert failure is not None
    assert (
        'node "stuck"' in failure.error_message()
        and "on_stop was not acknowledged within 3 s" in failure.error_message()
    )
    assert __file__ in failure.error_message()
    assert app.events[-1] == "deinit"


def test_an_extension_that_never_acknowledges_its_configuration_fails_the_app(app_of: Any, stage: Any) -> None:
    class Stuck(Extension):
        def on_configure(self, ten_env: Any) -> None:
            """Forgets on_configure_done."""

    app = app_of(
        [{"type": "extension", "name": "stuck", "addon": stage.addon(Stuck)}],
        ten_embedded={"start_timeout_s": 2, "stop_timeout_s": 1},
    )
    app.run(False)
    assert "on_configure was not acknowledged within 2 s" in app.failure().error_message()


def test_an_async_extension_that_hangs_in_on_stop_is_cancelled_and_named(app_of: Any, stage: Any) -> None:
    ends: list[str] = []

    class Hanging(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            close = Cmd.create("ten:close_app")
            close.set_dests([Loc("")])
            await async_ten_env.send_cmd(close)

        async def on_stop(self, async_ten_env: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ends.append("cancelled")

    app = app_of([{"type": "extension", "name": "hanging", "addon": stage.addon(Hanging)}])
    app.run(False)
    message = app.failure().error_message()
    assert 'node "hanging"' in message and "on_stop was not acknowledged within 20 s" in message
    assert ends == ["cancelled"] and app.events[-1] == "deinit"
