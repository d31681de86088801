"""llama.cpp's own server with a tiny model of random weights. Runs in tests/environments/llm."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from stream_talk.engines.interfaces import EngineUnavailable, LlmRequest, TextDelta, Usage
from stream_talk.testing.conformance_llm import LlmConformance

from tests.fixtures import gguf_checkpoint, llama_cpp_server

from ..engine import OpenAiEngine

pytest.importorskip("xllamacpp", reason="runs in tests/environments/llm")
pytest.importorskip("gguf", reason="runs in tests/environments/llm")
# The bytes are barred: without that the random model writes half characters, of which the server sends nothing for long stretches.
LETTERS_WITHOUT_END = {"logit_bias": [[token, False] for token in range(3, 259)], "ignore_eos": True}
QUESTION = LlmRequest("r", [{"role": "user", "content": "hello"}])


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[llama_cpp_server.LlamaCpp]:
    with llama_cpp_server.LlamaCpp(gguf_checkpoint.make(tmp_path_factory.mktemp("gguf") / "tiny.gguf")) as server:
        yield server


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[llama_cpp_server.LlamaCpp]:
    """Seconds for a long reply, so that a reply can be stopped in its middle."""
    model = gguf_checkpoint.make(tmp_path_factory.mktemp("gguf") / "big.gguf", width=512, layers=4)
    with llama_cpp_server.LlamaCpp(model) as server:
        yield server


def engine_at(server: llama_cpp_server.LlamaCpp, **params: object) -> OpenAiEngine:
    return OpenAiEngine(preset="llama.cpp", base_url=server.base_url, **params)


async def wait_idle(server: llama_cpp_server.LlamaCpp, limit_s: float) -> float:
    """Seconds until no reply is being generated."""
    started = time.monotonic()
    while await asyncio.to_thread(server.busy_slots):
        assert time.monotonic() - started < limit_s, "the server goes on generating for nobody"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


def test_a_reply_comes_in_pieces_and_with_its_usage(quick):
    async def script() -> None:
        engine = engine_at(quick, max_tokens=30)
        await engine.load()
        events = [event async for event in engine.stream(QUESTION)]
        assert sum(isinstance(event, TextDelta) for event in events) > 5
        (usage,) = [event for event in events if isinstance(event, Usage)]
        assert usage.completion_tokens == 30 and usage.prompt_tokens > 5
        await engine.close()

    asyncio.run(script())


@pytest.mark.parametrize("how", ["close the iterator", "cancel the task"])
def test_a_stopped_reply_is_stopped_in_the_server(slow, how):
    async def script() -> None:
        engine = engine_at(slow, max_tokens=1500, extra_body=LETTERS_WITHOUT_END)
        await engine.load()
        for _ in range(3):
            began = asyncio.Event()

            async def listen(began: asyncio.Event = began) -> None:
                async for _ in engine.stream(QUESTION):
                    began.set()

            if how == "cancel the task":
                task = asyncio.ensure_future(listen())
                await asyncio.wait_for(began.wait(), 30)
                assert await asyncio.to_thread(slow.busy_slots) == 1
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            else:
                stream = engine.stream(QUESTION)
                await stream.__anext__()
                assert await asyncio.to_thread(slow.busy_slots) == 1
                await stream.aclose()
            idle_after_s = await wait_idle(slow, 5.0)
            print(f"idle {idle_after_s * 1000:.0f} ms after the stop")
        await engine.close()

    asyncio.run(script())


def test_tools_may_be_offered_and_their_results_told(quick):
    async def script() -> None:
        tool = {
            "name": "clock",
            "description": "the time",
            "parameters": [{"name": "zone", "type": "string", "required": True}],
        }
        engine = engine_at(quick, max_tokens=10)
        request = LlmRequest("t", [{"role": "user", "content": "time?"}], tools=[tool])
        assert [event async for event in engine.stream(request)]
        await engine.close()

    asyncio.run(script())


def test_reasoning_is_switched_off_without_a_complaint(quick):
    async def script() -> None:
        engine = engine_at(quick, max_tokens=5, thinking="off")
        assert [event async for event in engine.stream(QUESTION)]
        await engine.close()

    asyncio.run(script())


def test_a_conversation_longer_than_the_context_is_refused_with_the_servers_words(quick):
    async def script() -> None:
        engine = engine_at(quick)
        with pytest.raises(EngineUnavailable, match="context"):
            async for _ in engine.stream(LlmRequest("long", [{"role": "user", "content": "word " * 3000}])):
                pass
        await engine.close()

    asyncio.run(script())


@pytest.fixture(scope="class")
def servers(request: pytest.FixtureRequest, quick, slow) -> None:
    params = {"preset": "llama.cpp", "extra_body": LETTERS_WITHOUT_END}
    request.cls.properties = {"params": {**params, "base_url": quick.base_url, "max_tokens": 30}}
    request.cls.slow_properties = {"params": {**params, "base_url": slow.base_url, "max_tokens": 1500}}


@pytest.mark.usefixtures("servers")
class TestConformance(LlmConformance):
    addon = "openai_llm2_python"
    properties = {}
    slow_properties = {}
