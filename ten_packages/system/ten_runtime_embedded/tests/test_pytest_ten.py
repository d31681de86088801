"""``@ten_test``: one coroutine per test, collected and run by pytest itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_ten import TenTestContext, ten_test
from ten_runtime import Addon, AsyncExtension, AudioFrame, Cmd, CmdResult, Data, StatusCode, register_addon_as_extension


class Talkative(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        details: list[str] = []
        async for result, error in async_ten_env.send_cmd_ex(Cmd.create("ask")):
            assert error is None
            details.append(result.get_property_string("detail")[0])
        answer = CmdResult.create(StatusCode.OK, cmd)
        answer.set_property_string("details", ",".join(details))
        await async_ten_env.return_result(answer)

    async def on_data(self, async_ten_env: Any, data: Data) -> None:
        if data.get_name() == "go":
            for name in ("one", "two", "three"):
                await async_ten_env.send_data(Data.create(name))
            await async_ten_env.send_audio_frame(AudioFrame.create("pcm"))
        elif data.get_name() == "mocked":
            await async_ten_env.send_data(Data.create("mock_arrived"))


@register_addon_as_extension("talkative")
class _Addon(Addon):
    def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
        ten_env.on_create_instance_done(Talkative(name), context)


@pytest.fixture
def word() -> str:
    return "go"


@ten_test("talkative")
async def test_expectations_pass_over_or_put_back(ctx: TenTestContext, word: str) -> None:
    await ctx.send_data(Data.create(word))
    assert (await ctx.expect_data("two", timeout=2, put_back=True)).get_name() == "two"
    assert (await ctx.expect_data(timeout=2)).get_name() == "one"
    assert (await ctx.expect_audio_frame(timeout=2)).get_name() == "pcm"
    assert [data.get_name() for data in ctx.collect_all_data()] == ["three"]
    ctx.assert_no_data()
    ctx.assert_no_cmd("ask")
    with pytest.raises(TimeoutError, match=r"no data 'four' arrived within 0\.01 s"):
        await ctx.expect_data("four", timeout=0.01)


def answer(cmd: Cmd) -> CmdResult:
    result = CmdResult.create(StatusCode.OK, cmd)
    result.set_property_string("detail", "mock")
    return result


async def stream(cmd: Cmd) -> AsyncIterator[CmdResult]:
    for index in range(2):
        result = answer(cmd)
        result.set_property_string("detail", str(index))
        result.set_final(index == 1)
        yield result


@ten_test("talkative", mock_cmd_response={"ask": answer})
async def test_commands_are_answered_by_mocks(ctx: TenTestContext) -> None:
    result, error = await ctx.send_cmd(Cmd.create("x"))
    assert error is None and result is not None
    assert result.get_property_string("details")[0] == "mock"
    assert (await ctx.expect_cmd("ask")).get_name() == "ask"


@ten_test("talkative", mock_cmd_stream_response={"ask": stream})
async def test_commands_are_answered_by_streams(ctx: TenTestContext) -> None:
    result, _error = await ctx.send_cmd(Cmd.create("x"))
    assert result is not None and result.get_property_string("details")[0] == "0,1"


@ten_test("talkative", mock_data_response={"one": lambda _data: Data.create("mocked")})
async def test_data_is_answered_by_mocks(ctx: TenTestContext) -> None:
    await ctx.send_data(Data.create("go"))
    assert (await ctx.expect_data("mock_arrived", timeout=2)).get_name() == "mock_arrived"


def test_failures_name_their_reason() -> None:
    @ten_test("talkative")
    async def failing(ctx: TenTestContext) -> None:
        assert ctx is None, "the reason"

    @ten_test("talkative", timeout=0.05)
    async def hanging(ctx: TenTestContext) -> None:
        await ctx.expect_data()

    with pytest.raises(AssertionError, match="Test failed: the reason"):
        failing()
    with pytest.raises(AssertionError, match=r"Test failed: Test timeout\."):
        hanging()


class TestMethods:
    @ten_test("talkative", mock_cmd_response={"ask": answer})
    async def test_a_method_can_be_a_test(self, ctx: TenTestContext, word: str) -> None:
        assert word == "go"
        await ctx.send_cmd(Cmd.create("x"))
        ctx.assert_no_data()


@pytest.mark.parametrize(
    "outcome", [pytest.skip.Exception("not here"), pytest.fail.Exception("wrong"), SystemExit(2)], ids=repr
)
def test_what_is_not_an_error_reaches_pytest_as_it_is(outcome: BaseException) -> None:
    @ten_test("talkative")
    async def body(ctx: TenTestContext) -> None:
        raise outcome

    with pytest.raises(type(outcome)) as raised:
        body()
    assert raised.value is outcome
