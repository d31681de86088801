"""Commands and their results: paths, policies, streams, forwarding, timeouts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ten_runtime import AsyncExtension, Cmd, CmdResult, Data, Extension, StatusCode


def result_of(cmd: Cmd, status: StatusCode = StatusCode.OK, **properties: str) -> CmdResult:
    result = CmdResult.create(status, cmd)
    for key, value in properties.items():
        result.set_property_string(key, value)
    return result


def text(result: CmdResult, key: str = "detail") -> str:
    return result.get_property_string(key)[0]


def replier(delay_s: float, status: StatusCode) -> type[AsyncExtension]:
    class Replier(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            await asyncio.sleep(delay_s)
            await async_ten_env.return_result(result_of(cmd, status, detail=self.name))

    return Replier


def fan_out(stage: Any, **nodes: Any) -> dict[str, Any]:
    flow = {"name": "ask", "dest": [{"extension": name} for name in nodes]}
    graph: dict[str, Any] = stage.graph([{"extension": "ten:test_extension", "cmd": [flow]}], **nodes)
    return graph


OK, ERROR = StatusCode.OK, StatusCode.ERROR


@pytest.mark.parametrize(
    ("delays", "statuses", "expected"),
    [
        ((3, 2, 1), (OK, OK, OK), "c"),  # all are awaited, the last in graph order is returned
        ((1, 2, 3), (OK, OK, OK), "c"),
        ((3, 1, 2), (OK, ERROR, OK), "b"),  # an error is returned at once
        ((3, 2, 1), (ERROR, ERROR, OK), "b"),  # the first in time
    ],
)
def test_send_cmd_to_several_returns_the_first_error_or_the_last_ok(
    stage: Any, delays: tuple[int, ...], statuses: tuple[StatusCode, ...], expected: str
) -> None:
    async def script(env: Any, _tester: Any) -> None:
        started = asyncio.get_running_loop().time()
        result, error = await env.send_cmd(Cmd.create("ask"))
        waited = asyncio.get_running_loop().time() - started
        assert error is None and text(result) == expected and result.is_completed()
        index = "abc".index(expected)
        assert waited == pytest.approx(delays[index] if statuses[index] == ERROR else max(delays))

    nodes = {name: replier(delay, status) for name, delay, status in zip("abc", delays, statuses, strict=True)}
    assert stage.play(None, script, graph=fan_out(stage, **nodes), virtual=True) is None


def test_send_cmd_ex_yields_every_result_and_completes_with_the_last(stage: Any) -> None:
    class Streamer(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            for index in range(3):
                await asyncio.sleep(1)
                result = result_of(cmd, detail=f"{self.name}{index}")
                result.set_final(index == 2)
                await async_ten_env.return_result(result)

    async def script(env: Any, _tester: Any) -> None:
        seen = [
            (text(r), r.is_final(), r.is_completed()) async for r, e in env.send_cmd_ex(Cmd.create("ask")) if e is None
        ]
        assert seen == [
            ("a0", False, False),
            ("a1", False, False),
            ("b", True, False),
            ("a2", True, True),
        ]

    graph = fan_out(stage, a=Streamer, b=replier(2.5, StatusCode.ERROR))
    assert stage.play(None, script, graph=graph, virtual=True) is None


def test_send_cmd_ex_to_nobody_yields_one_error(stage: Any) -> None:
    async def script(env: Any, _tester: Any) -> None:
        outcomes = [outcome async for outcome in env.send_cmd_ex(Cmd.create("unknown"))]
        assert len(outcomes) == 1 and outcomes[0][0] is None and outcomes[0][1].error_code() == 7

    assert stage.play(None, script, graph=stage.graph(a=AsyncExtension)) is None


def test_send_cmd_awaits_the_final_result_of_a_stream(stage: Any) -> None:
    class Streamer(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            first = result_of(cmd, detail="first")
            first.set_final(False)
            await async_ten_env.return_result(first)
            await async_ten_env.return_result(result_of(cmd, detail="second"))

    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("ask"))
        assert error is None and text(result) == "second" and result.is_completed()

    assert stage.play(Streamer, script) is None


def test_answers_after_the_final_one_are_discarded_without_an_error(stage: Any) -> None:
    class Chatty(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            from ten_runtime import SendOptions

            twin = cmd.clone()
            assert await async_ten_env.return_result(result_of(cmd, detail="one")) is None
            wait = SendOptions(wait_for_result=True)
            assert await async_ten_env.return_result(result_of(cmd, detail="two"), wait) is None
            assert await async_ten_env.return_result(result_of(twin, detail="not mine"), wait) is None

    async def script(env: Any, _tester: Any) -> None:
        seen = [text(result) async for result, _error in env.send_cmd_ex(Cmd.create("ask"))]
        assert seen == ["one"]

    assert stage.play(Chatty, script) is None


def test_a_cmd_can_be_answered_later_from_any_task(stage: Any) -> None:
    class Later(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            async def answer() -> None:
                await asyncio.sleep(5)
                await async_ten_env.return_result(result_of(cmd, detail="late"))

            self.task = asyncio.create_task(answer())

    async def script(env: Any, _tester: Any) -> None:
        result, _error = await env.send_cmd(Cmd.create("ask"))
        assert text(result) == "late"

    assert stage.play(Later, script, virtual=True) is None


@pytest.mark.parametrize("as_clone", [False, True])
def test_the_result_of_a_forwarded_cmd_answers_the_original(stage: Any, as_clone: bool) -> None:
    class Middle(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result, error = await async_ten_env.send_cmd(cmd.clone() if as_clone else cmd)
            assert error is None
            await async_ten_env.return_result(result)

    graph = stage.graph(
        [
            {"extension": "ten:test_extension", "cmd": [{"name": "ask", "dest": [{"extension": "middle"}]}]},
            {"extension": "middle", "cmd": [{"name": "ask", "dest": [{"extension": "last"}]}]},
        ],
        middle=Middle,
        last=replier(0, OK),
    )

    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("ask"))
        assert error is None and text(result) == "last"

    assert stage.play(None, script, graph=graph) is None


def test_a_sync_extension_that_forwards_without_a_handler_passes_results_on(stage: Any) -> None:
    class Middle(Extension):
        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            ten_env.send_cmd(cmd)

    graph = stage.graph(
        [
            {"extension": "ten:test_extension", "cmd": [{"name": "ask", "dest": [{"extension": "middle"}]}]},
            {"extension": "middle", "cmd": [{"name": "ask", "dest": [{"extension": "last"}]}]},
        ],
        middle=Middle,
        last=replier(0, OK),
    )

    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("ask"))
        assert error is None and text(result) == "last"

    assert stage.play(None, script, graph=graph) is None


def test_a_cmd_that_comes_round_in_a_circle_finds_its_way_back(stage: Any) -> None:
    class Passer(AsyncExtension):
        rounds = 0

        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            self.rounds += 1
            if self.name == "a" and self.rounds == 2:
                await async_ten_env.return_result(result_of(cmd, detail="round"))
                return
            result, error = await async_ten_env.send_cmd(cmd)
            assert error is None
            await async_ten_env.return_result(result)

    graph = stage.graph(
        [
            {"extension": "ten:test_extension", "cmd": [{"name": "ask", "dest": [{"extension": "a"}]}]},
            {"extension": "a", "cmd": [{"name": "ask", "dest": [{"extension": "b"}]}]},
            {"extension": "b", "cmd": [{"name": "ask", "dest": [{"extension": "a"}]}]},
        ],
        a=Passer,
        b=Passer,
    )

    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("ask"))
        assert error is None and text(result) == "round"

    assert stage.play(None, script, graph=graph) is None


def test_an_unanswered_cmd_times_out_as_an_error_result(stage: Any) -> None:
    async def script(env: Any, _tester: Any) -> None:
        started = asyncio.get_running_loop().time()
        result, error = await env.send_cmd(Cmd.create("ask"))
        waited_s = asyncio.get_running_loop().time() - started
        assert error is None and result.get_status_code() == ERROR and text(result) == "Path timeout."
        assert 180 <= waited_s <= 190

    graph = fan_out(stage, silent=AsyncExtension)
    assert stage.play(None, script, graph=graph, virtual=True, timeout_us=0) is None


def test_path_timeouts_can_be_set_per_extension(stage: Any) -> None:
    class Asker(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            started = asyncio.get_running_loop().time()
            result, _error = await async_ten_env.send_cmd(Cmd.create("never"))
            waited = asyncio.get_running_loop().time() - started
            done = Data.create("done")
            done.set_property_float("waited", waited)
            done.set_property_string("detail", text(result))
            await async_ten_env.send_data(done)

    async def script(_env: Any, tester: Any) -> None:
        assert isinstance(await tester.next(), Cmd)
        await asyncio.sleep(5)
        done = await tester.next()
        assert done.get_property_string("detail")[0] == "Path timeout."
        assert 2 <= done.get_property_float("waited")[0] <= 3

    properties = {"ten": {"path_timeout": 2_000_000, "path_check_interval": 1_000_000}}
    assert stage.play(Asker, script, properties=properties, virtual=True) is None


def test_further_destinations_get_clones_and_the_sender_keeps_nothing(stage: Any) -> None:
    seen: list[str] = []

    class Changer(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            seen.append(cmd.get_property_to_json("p")[0])
            cmd.set_property_string("p.q", self.name)
            await async_ten_env.return_result(result_of(cmd, q=cmd.get_property_string("p.q")[0]))

    async def script(env: Any, _tester: Any) -> None:
        cmd = Cmd.create("ask")
        cmd.set_property_from_json("p", '{"q": "original"}')
        replies = [text(result, "q") async for result, _error in env.send_cmd_ex(cmd)]
        assert sorted(replies) == ["a", "b"]
        with pytest.raises(ValueError, match=r"Msg is invalidated\."):
            cmd.get_name()

    assert stage.play(None, script, graph=fan_out(stage, a=Changer, b=Changer)) is None
    assert seen == ['{"q": "original"}'] * 2


def test_a_target_of_a_result_is_not_consumed(stage: Any) -> None:
    class Polite(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            await async_ten_env.return_result(result_of(cmd, detail=cmd.get_name()))
            assert cmd.get_name() == "ask"

    async def script(env: Any, _tester: Any) -> None:
        assert text((await env.send_cmd(Cmd.create("ask")))[0]) == "ask"

    assert stage.play(Polite, script) is None


def test_a_result_cannot_be_sent_as_a_command(stage: Any) -> None:
    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(CmdResult.create(OK, Cmd.create("x")))
        assert result is None and error.error_code() == 1
        assert error.error_message() == "Result commands should be delivered through 'returning'."

    assert stage.play(AsyncExtension, script) is None


def test_an_in_path_expires_silently_and_a_late_answer_is_discarded(stage: Any) -> None:
    late: list[Any] = []

    class Late(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            from ten_runtime import SendOptions

            await asyncio.sleep(30)
            late.append(await async_ten_env.return_result(result_of(cmd), SendOptions(wait_for_result=True)))

    class Asker(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            result, _error = await async_ten_env.send_cmd(Cmd.create("ask"))
            assert text(result) == "Path timeout."

    short = {"ten": {"path_timeout": {"in_path": 1_000_000, "out_path": 2_000_000}, "path_check_interval": 1_000_000}}
    graph = stage.graph(
        [{"extension": "asker", "cmd": [{"name": "ask", "dest": [{"extension": "late"}]}]}],
        asker={"of": Asker, "property": short},
        late={"of": Late, "property": short},
    )

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(10)
        from ten_runtime import statistics

        nodes = [node for graph_id in statistics.graph_ids() for node in statistics.snapshot(graph_id)["nodes"]]
        assert [node["open_cmds_in"] for node in nodes if node["name"] == "late"] == [0]
        await asyncio.sleep(30)

    assert stage.play(None, script, graph=graph, virtual=True, timeout_us=0) is None
    assert late == [None]


def test_a_cmd_that_came_before_on_configure_was_done_does_not_delay_timeouts(stage: Any) -> None:
    class SlowToConfigure(AsyncExtension):
        async def on_configure(self, async_ten_env: Any) -> None:
            await asyncio.sleep(0.5)

        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            started_s = asyncio.get_running_loop().time()
            await async_ten_env.send_cmd(Cmd.create("never_answered"))
            answer = result_of(cmd)
            answer.set_property_float("waited_s", asyncio.get_running_loop().time() - started_s)
            await async_ten_env.return_result(answer)

    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("early"))
        assert error is None
        assert 1.0 <= result.get_property_float("waited_s")[0] <= 1.5

    properties = {"ten": {"path_timeout": 1_000_000, "path_check_interval": 200_000}}
    assert stage.play(SlowToConfigure, script, properties=properties, virtual=True) is None
