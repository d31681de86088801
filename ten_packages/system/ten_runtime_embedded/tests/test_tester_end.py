"""How a test ends: what is still delivered, what is cancelled, what fails afterwards."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from ten_runtime import (
    AsyncExtension,
    AsyncExtensionTester,
    Cmd,
    CmdResult,
    ExtensionTester,
    StatusCode,
    TenError,
    TenErrorCode,
)


class Answering(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def error(code: TenErrorCode = TenErrorCode.ErrorCodeGeneric, text: str | None = None) -> TenError:
    return TenError.create(code, text)


def test_stop_test_from_an_outer_thread(stage: Any) -> None:
    class Tester(ExtensionTester):
        def on_start(self, ten_env: Any) -> None:
            threading.Thread(target=lambda: ten_env.stop_test(error(text="outer"))).start()
            ten_env.on_start_done()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Answering))
    verdict = tester.run()
    assert verdict is not None and verdict.error_message() == "outer"


def test_a_result_returned_after_stop_test_is_still_delivered(stage: Any) -> None:
    results: list[StatusCode] = []

    class Asking(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            result, _error = await async_ten_env.send_cmd(Cmd.create("ask"))
            results.append(result.get_status_code())

    class Tester(AsyncExtensionTester):
        async def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            ten_env.stop_test()
            await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Asking))
    assert tester.run() is None
    assert results == [StatusCode.OK]


def test_both_sides_can_talk_while_they_stop(stage: Any) -> None:
    class Stopping(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            result, failure = await async_ten_env.send_cmd(Cmd.create("last words"))
            assert failure is None and result.get_status_code() == StatusCode.OK

    class Tester(AsyncExtensionTester):
        def __init__(self) -> None:
            super().__init__()
            self.heard = asyncio.Event()

        async def on_start(self, ten_env: Any) -> None:
            ten_env.stop_test()

        async def on_stop(self, ten_env: Any) -> None:
            await asyncio.wait_for(self.heard.wait(), 5)

        async def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))
            self.heard.set()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Stopping))
    assert tester.run() is None
    assert tester.heard.is_set()


def test_after_the_testers_end_its_pending_handlers_are_called_and_logging_is_an_error(stage: Any) -> None:
    class Silent(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            await asyncio.sleep(0.05)

    class Tester(ExtensionTester):
        def __init__(self) -> None:
            self.outcome: list[Any] = []

        def on_start(self, ten_env: Any) -> None:
            ten_env.on_start_done()
            ten_env.stop_test()

        def on_deinit(self, ten_env: Any) -> None:
            def on_result(env: Any, result: Any, failure: Any) -> None:
                self.outcome.append((result.get_status_code(), env.log_info("too late") is not None))

            ten_env.send_cmd(Cmd.create("never answered"), on_result)
            ten_env.on_deinit_done()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Silent))
    assert tester.run() is None
    assert tester.outcome == [(StatusCode.ERROR, True)]


def test_a_cmd_to_a_tester_that_has_ended_fails_fast(stage: Any) -> None:
    waits: list[float] = []

    class Late(AsyncExtension):
        async def on_stop(self, async_ten_env: Any) -> None:
            await asyncio.sleep(1)
            started = asyncio.get_running_loop().time()
            result, _error = await async_ten_env.send_cmd(Cmd.create("anyone?"))
            assert result.get_status_code() == StatusCode.ERROR
            waits.append(asyncio.get_running_loop().time() - started)

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(0.1)

    assert stage.play(Late, script, virtual=True) is None
    assert waits == [0.0]


@pytest.mark.parametrize("virtual", [False, True])
def test_leftover_tasks_of_the_tester_are_cancelled_before_run_returns(stage: Any, virtual: bool) -> None:
    class Asking(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            await async_ten_env.send_cmd(Cmd.create("hello"))

    class Tester(AsyncExtensionTester):
        def __init__(self) -> None:
            super().__init__()
            self.ends: list[str] = []

        async def _background(self) -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                self.ends.append("background")

        async def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            self.task = asyncio.create_task(self._background())
            ten_env.stop_test()
            try:
                await asyncio.sleep(1000)
            finally:
                self.ends.append("on_cmd")

    tester = Tester()
    tester.set_virtual_clock(virtual)
    tester.set_timeout(0)
    tester.set_test_mode_single(stage.addon(Asking))
    assert tester.run() is None
    assert sorted(tester.ends) == ["background", "on_cmd"]
