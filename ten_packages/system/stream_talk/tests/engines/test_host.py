"""One engine class under three placements: same results, true cancel, and what happens when it fails, stalls or dies."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import numpy as np
import pytest
from stream_talk.engines.host import Deadline, EngineCrashed, EngineHost, EngineSpec, HostSettings, Placement
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, SpeechRequest
from stream_talk.engines.shared import HostRegistry
from stream_talk.testing.engines import ScriptedAsr, ToneTts
from stream_talk.testing.memory import family_mb

EVERYWHERE: list[Placement] = ["inline", "thread", "process"]
ELSEWHERE: list[Placement] = ["thread", "process"]
REQUEST = SpeechRequest("one two three")


class Probe:
    """An engine for questions about the host itself."""

    def __init__(self, marker: str = "") -> None:
        self.marker = marker
        self.loads = 0

    def load(self) -> None:
        self.loads += 1

    def warm_up(self) -> None:
        pass

    def close(self) -> None:
        pass

    def say(self, cancel: CancelToken) -> Iterator[str]:
        yield self.marker

    def pid(self) -> int:
        return os.getpid()

    def thread(self) -> int:
        return threading.get_ident()

    def ballast(self, megabytes: int) -> int:
        self.held = bytearray(os.urandom(1024)) * (megabytes * 1024)
        return len(self.held)

    def chatter(self) -> str:
        print("an engine library that writes to standard output")
        os.write(1, b"even from C\n")
        return "fine"


def with_host(
    spec: EngineSpec, settings: HostSettings, work: Callable[[EngineHost], Awaitable[Any]], timeout_s: float = 20.0
) -> Any:
    async def run() -> Any:
        host = EngineHost(spec, settings)
        try:
            return await asyncio.wait_for(work(host), timeout_s)
        finally:
            host.close()

    return asyncio.run(run())


async def speak(host: EngineHost, request: SpeechRequest = REQUEST) -> np.ndarray:
    chunks = [chunk.pcm async for chunk in host.stream("speak", request)]
    return np.concatenate(chunks)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_same_results_everywhere(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        assert (await host.load())["sample_rate_hz"] == 16000
        assert len(await speak(host)) == 3 * 200 * 16
        assert [voice.language for voice in await host.call("voices")] == ["en-US", "zh-CN"]

    with_host(EngineSpec.of(ToneTts), HostSettings(placement), work)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_an_asr_segment_keeps_its_order(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        host.begin("open_segment", "s", {}, lane="s") if placement != "inline" else await host.call(
            "open_segment", "s", {}
        )
        partials = await host.call("feed", "s", np.zeros(8000, np.int16), lane="s")
        finals = [t async for t in host.stream("finish", "s", deadline=Deadline.FIRST_CHUNK, lane="s")]
        assert [t.text for t in partials] == ["hello world"]
        assert [(t.text, t.final) for t in finals] == [("hello world", True)]

    with_host(EngineSpec.of(ScriptedAsr), HostSettings(placement), work)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_cancel_stops_at_once_and_leaves_the_engine_usable(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        for _ in range(5):
            stream = host.stream("speak", SpeechRequest("word " * 200))
            await stream.__anext__()
            stream.cancel()
            assert [chunk async for chunk in stream] == []
            await asyncio.wait_for(stream.aclose(), 2)
        assert len(await speak(host)) == 9600
        assert host.stats.cancelled == 5

    spec = EngineSpec.of(ToneTts, {"chunk_delay_ms": 5.0})
    with_host(spec, HostSettings(placement), work)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_cancel_while_the_engine_is_silent(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        stream = host.stream("speak", REQUEST)
        waiting = asyncio.ensure_future(stream.__anext__())
        await asyncio.sleep(0.05)
        stream.cancel()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(waiting, 2)
        await asyncio.wait_for(stream.aclose(), 2)

    with_host(EngineSpec.of(ToneTts, {"faults": ["stall"]}), HostSettings(placement), work)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_a_failure_reaches_the_caller_and_no_one_else(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        with pytest.raises(RuntimeError, match="told to fail"):
            await speak(host)
        assert len(await speak(host)) == 9600
        assert host.stats.failed == 1

    with_host(EngineSpec.of(ToneTts, {"faults": ["fail"]}), HostSettings(placement), work)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_what_is_missing_is_said_with_its_remedy(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        with pytest.raises(EngineUnavailable) as caught:
            await host.load()
        assert caught.value.what == "no model" and caught.value.remedy and not caught.value.permanent

    with_host(EngineSpec.of(ToneTts, {"unavailable": "no model"}), HostSettings(placement), work)


def test_a_worker_that_dies_fails_its_jobs_and_is_restarted() -> None:
    async def work(host: EngineHost) -> None:
        await host.load()
        assert len(await speak(host)) == 9600
        with pytest.raises(EngineCrashed, match="code 9"):
            await speak(host)
        assert len(await speak(host)) == 9600
        assert host.stats.restarts == 1

    with_host(EngineSpec.of(ToneTts, {"faults": ["none", "die"]}), HostSettings("process"), work)


@pytest.mark.parametrize("placement", ELSEWHERE)
def test_an_engine_that_no_longer_answers_can_be_given_up(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        await host.load()
        waiting = asyncio.ensure_future(speak(host))
        await asyncio.sleep(0.05)
        host.restart()
        with pytest.raises(EngineCrashed):
            await asyncio.wait_for(waiting, 5)
        assert await host.call("voices")

    with_host(EngineSpec.of(ToneTts, {"faults": ["stall"]}), HostSettings(placement), work)


@pytest.mark.parametrize("placement", ELSEWHERE)
def test_an_idle_engine_is_unloaded_and_comes_back(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        first = await host.call("pid")
        await asyncio.sleep(0.6)
        second = await host.call("pid")
        assert (first == second) == (placement == "thread")
        assert host.stats.restarts == 0 and host.stats.failed == 0

    with_host(EngineSpec.of(Probe), HostSettings(placement, idle_ttl_ms=150), work)


def test_the_memory_of_a_worker_is_counted_with_ours() -> None:
    async def work(host: EngineHost) -> None:
        await host.load()
        before = family_mb()
        await host.call("ballast", 60)
        assert 50 < family_mb() - before < 90

    with_host(EngineSpec.of(Probe), HostSettings(placement="process"), work)


def test_a_worker_over_its_memory_limit_is_replaced_between_jobs() -> None:
    async def work(host: EngineHost) -> None:
        first = await host.call("pid")
        assert await host.call("ballast", 180) > 0  # over the limit, and not so far that it is ended within the job
        for _ in range(100):
            second = await host.call("pid")
            if second != first:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the worker was not replaced")

    with_host(EngineSpec.of(Probe), HostSettings("process", memory_limit_mb=200), work)


class Growing(Probe):
    """Holds 40 MB more after each step, and never comes to rest."""

    def grow(self, steps: int, cancel: CancelToken) -> Iterator[int]:
        held = []
        for step in range(steps):
            held.append(bytearray(os.urandom(1024)) * (40 * 1024))
            yield step


def test_a_worker_that_grows_within_a_job_is_ended_far_over_its_limit() -> None:
    async def work(host: EngineHost) -> None:
        first = await host.call("pid")
        steps = 0
        with pytest.raises(EngineCrashed, match=r"MB held, 200 MB allowed"):
            async for _ in host.stream("grow", 100):
                steps += 1
        assert 3 <= steps < 15
        assert await host.call("pid") != first

    with_host(EngineSpec.of(Growing), HostSettings(placement="process", memory_limit_mb=200), work)


class Rude(Probe):
    def close(self) -> None:
        raise RuntimeError("cannot close")

    def leave(self) -> None:
        raise SystemExit(3)


@pytest.mark.parametrize("placement", ELSEWHERE)
def test_an_engine_that_exits_or_does_not_close_harms_nobody(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        with pytest.raises(Exception, match="wanted to exit"):
            await host.call("leave")
        assert await host.call("pid")
        await asyncio.sleep(0.5)  # it is unloaded meanwhile
        assert await asyncio.wait_for(host.call("pid"), 10)

    with_host(EngineSpec.of(Rude), HostSettings(placement=placement, idle_ttl_ms=200), work)


class Slow(Probe):
    """Busy for a while; one that does not listen cannot be stopped meanwhile."""

    interleaves = False

    def __init__(self, loading_s: float = 0.0) -> None:
        super().__init__()
        self.loading_s = loading_s

    def load(self) -> None:
        threading.Event().wait(self.loading_s)

    def work(self, steps: int, listens: bool, cancel: CancelToken) -> Iterator[int]:
        for step in range(steps):
            for _ in range(5):
                threading.Event().wait(0.01)
                if listens and cancel.cancelled:
                    return
            yield step


@pytest.mark.parametrize("placement", ELSEWHERE)
def test_who_is_late_behind_others_does_not_end_the_engine_for_them(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        await host.load()
        first = host.stream("work", 12, True)
        waiting = host.stream("work", 1, True)
        waiting.give_up(100.0)
        assert [step async for step in first] == list(range(12))
        assert host.stats.restarts == 0

    with_host(EngineSpec.of(Slow), HostSettings(placement=placement), work)


@pytest.mark.parametrize("placement", ELSEWHERE)
def test_an_engine_that_does_not_let_go_is_ended_once(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        await host.load()
        streams = [host.stream("work", 1000, False), host.stream("work", 1, False)]
        await streams[0].__anext__()
        for stream in streams:
            stream.give_up(50.0)
        for stream in streams:
            await stream.aclose()
        assert await host.call("pid")
        assert host.stats.restarts <= 1

    with_host(EngineSpec.of(Slow), HostSettings(placement=placement), work)


@pytest.mark.parametrize("placement", ELSEWHERE)
def test_an_engine_that_still_loads_is_not_ended(placement: Placement) -> None:
    async def work(host: EngineHost) -> None:
        host.stream("work", 1, True).give_up(50.0)
        await asyncio.sleep(0.3)
        assert await host.call("pid")
        assert host.stats.restarts == 0

    with_host(EngineSpec.of(Slow, {"loading_s": 0.6}), HostSettings(placement=placement), work)


def test_what_a_library_prints_does_not_disturb_the_protocol() -> None:
    async def work(host: EngineHost) -> None:
        assert await host.call("chatter") == "fine"

    with_host(EngineSpec.of(Probe), HostSettings("process"), work)


def test_an_interpreter_that_does_not_exist_is_an_error_not_a_hang() -> None:
    async def work(host: EngineHost) -> None:
        with pytest.raises(EngineCrashed, match="cannot start"):
            await host.load()

    with_host(EngineSpec.of(Probe), HostSettings("process", interpreter="/no/such/python"), work)


def test_urgent_work_overtakes_a_long_reply_between_its_chunks() -> None:
    """Two sessions share one voice: the second one's first chunk does not wait for the first one's whole clause."""

    async def work(host: EngineHost) -> None:
        await host.load()
        order: list[str] = []
        sounds = asyncio.Event()

        async def talk(name: str, request: SpeechRequest, deadline: Deadline) -> None:
            async for _ in host.stream("speak", request, deadline=deadline):
                order.append(name)
                sounds.set()

        long = asyncio.ensure_future(talk("long", SpeechRequest("word " * 20), Deadline.NEXT_CHUNK))
        await sounds.wait()
        await talk("short", SpeechRequest("hi"), Deadline.FIRST_CHUNK)
        before = order.index("short")
        await long
        assert before < 35 and order.count("long") == 40

    with_host(EngineSpec.of(ToneTts, {"chunk_delay_ms": 2.0}), HostSettings("thread"), work)


def test_a_full_queue_refuses_and_says_so() -> None:
    async def work(host: EngineHost) -> None:
        streams = [host.stream("speak", REQUEST) for _ in range(12)]
        outcomes = await asyncio.gather(*(s.__anext__() for s in streams), return_exceptions=True)
        assert any("waiting" in str(o) for o in outcomes if isinstance(o, Exception))

    spec = EngineSpec.of(ToneTts, {"first_chunk_delay_ms": 20.0})
    with_host(spec, HostSettings("thread", queue_limit=4), work)


def test_sessions_share_one_host_until_the_last_one_leaves() -> None:
    registry = HostRegistry(linger_ms=0.0)
    one = registry.acquire(EngineSpec.of(Probe, {"marker": "x"}))
    same = registry.acquire(EngineSpec.of(Probe, {"marker": "x"}))
    other = registry.acquire(EngineSpec.of(Probe, {"marker": "y"}))
    assert one is same and one is not other
    registry.release(one)
    assert registry.acquire(EngineSpec.of(Probe, {"marker": "x"})) is one
    registry.close_all()
    assert registry.acquire(EngineSpec.of(Probe, {"marker": "x"})) is not one
    registry.close_all()


def test_an_engine_module_is_found_by_its_file_without_its_package(tmp_path: Any) -> None:
    folder = tmp_path / "some_asr_python"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('the package itself must not be imported')")
    (folder / "const.py").write_text("WORD = 'found'")
    (folder / "engine.py").write_text(
        "from .const import WORD\n"
        "class Engine:\n"
        "    def load(self): pass\n"
        "    def warm_up(self): pass\n"
        "    def close(self): pass\n"
        "    def word(self): return WORD\n"
    )

    async def work(host: EngineHost) -> None:
        assert await host.call("word") == "found"

    for placement in ELSEWHERE:
        with_host(EngineSpec.at(folder / "engine.py", "Engine"), HostSettings(placement), work)
