"""Stages of an extension, and what reaches it in which stage."""

from __future__ import annotations

import asyncio
from typing import Any

from ten_runtime import AsyncExtension, Cmd, CmdResult, Data, Loc, StatusCode, TriggerLifeCycleCmd


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
