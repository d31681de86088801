"""Simulated time: it jumps when nothing works, stands still while something does, and is the same twice."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from ten_runtime import AsyncExtension, Cmd, CmdResult, Data, Extension, StatusCode
from ten_runtime.virtual_clock import EPOCH_START_S, START_S, VirtualClockLoop, is_wanted


def run(coro: Any) -> Any:
    loop = VirtualClockLoop()
    try:
        return loop.run_until_complete(coro)
    finally:
        loop.close()


def test_an_hour_passes_at_once_and_exactly() -> None:
    async def hour() -> float:
        for _ in range(3600):
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    assert run(hour()) == pytest.approx(START_S + 3600)
    assert time.monotonic() - started < 30


def test_wall_time_of_day_is_simulated() -> None:
    async def epoch() -> tuple[float, float]:
        loop: Any = asyncio.get_running_loop()
        before = loop.epoch_time()
        await asyncio.sleep(60)
        return before, loop.epoch_time()

    assert run(epoch()) == (EPOCH_START_S, EPOCH_START_S + 60)


def test_work_in_an_executor_takes_no_simulated_time() -> None:
    async def work() -> list[float]:
        loop = asyncio.get_running_loop()
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                await asyncio.sleep(1)
                ticks.append(loop.time() - START_S)

        ticking = asyncio.create_task(tick())
        await asyncio.to_thread(time.sleep, 0.1)
        assert ticks == [] and loop.time() == START_S
        await asyncio.sleep(2.5)
        ticking.cancel()
        return ticks

    assert run(work()) == [1, 2]


def test_a_hold_stops_time_until_it_is_released_from_a_thread() -> None:
    async def held() -> float:
        loop: Any = asyncio.get_running_loop()
        loop.hold_time()
        arrived = asyncio.Event()

        def work() -> None:
            time.sleep(0.05)
            loop.call_soon_threadsafe(arrived.set)
            loop.release_time()

        threading.Thread(target=work).start()
        waiting = asyncio.create_task(asyncio.wait_for(arrived.wait(), 0.001))
        await waiting  # would time out if time went on
        return float(loop.time())

    assert run(held()) == START_S


def test_a_release_without_a_hold_is_an_error() -> None:
    async def release() -> None:
        loop: Any = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match="without hold_time"):
            loop.release_time()

    run(release())


def test_failing_executor_work_releases_its_hold() -> None:
    async def fail() -> float:
        loop = asyncio.get_running_loop()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 / 0)
        await asyncio.sleep(5)
        return loop.time()

    assert run(fail()) == START_S + 5


def test_the_same_run_gives_the_same_events_twice(stage: Any) -> None:
    def events() -> list[str]:
        log: list[str] = []

        class Noisy(AsyncExtension):
            async def on_data(self, async_ten_env: Any, data: Data) -> None:
                loop = asyncio.get_running_loop()
                index = int(data.get_name())
                source = data.get_source()
                log.append(f"{loop.time():.6f} start {index} {source.graph_id}")
                await asyncio.sleep((index * 7919 % 13) / 1000)
                await asyncio.to_thread(time.sleep, 0.001 * (index % 2))
                log.append(f"{loop.time():.6f} end {index}")

        async def script(env: Any, _tester: Any) -> None:
            for index in range(20):
                await env.send_data(Data.create(str(index)))
                await asyncio.sleep(0.0015)
            await asyncio.sleep(1)

        assert stage.play(Noisy, script, virtual=True) is None
        return log

    first, second = events(), events()
    # Threads finish in any order, but at no simulated moment of their own; all else is identical.
    assert sorted(first) == sorted(second) and len(first) == 40
    assert [line for line in first if "start" in line] == [line for line in second if "start" in line]


def test_threads_of_sync_extensions_hold_the_clock(stage: Any) -> None:
    class Blocking(Extension):
        def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
            time.sleep(0.1)
            ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    async def script(env: Any, _tester: Any) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        result, error = await asyncio.wait_for(env.send_cmd(Cmd.create("x")), 0.01)
        assert error is None and result.get_status_code() == StatusCode.OK
        assert loop.time() == started

    assert stage.play(Blocking, script, virtual=True) is None


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("true", True), ("0", False), ("", False), ("off", False)])
def test_the_environment_variable_turns_it_on(
    monkeypatch: pytest.MonkeyPatch, stage: Any, value: str, wanted: bool
) -> None:
    monkeypatch.setenv("TEN_VIRTUAL_CLOCK", value)
    assert is_wanted() is wanted
    loops: list[bool] = []

    class Looker(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            loops.append(isinstance(asyncio.get_running_loop(), VirtualClockLoop))

    from ten_runtime import AsyncExtensionTester

    class Tester(AsyncExtensionTester):
        async def on_start(self, ten_env: Any) -> None:
            await asyncio.sleep(0.02)
            ten_env.stop_test()

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Looker))
    assert tester.run() is None
    assert loops == [wanted]
