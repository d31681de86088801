"""The real SDK of LM Studio against a server that speaks its protocol."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from stream_talk.engines.interfaces import EngineUnavailable, LlmEvent, LlmRequest, TextDelta, ToolCall, Usage
from stream_talk.testing.lmstudio_server import LmStudioServer
from stream_talk.testing.openai_server import Reply

pytest.importorskip("lmstudio", reason="needs the extra lmstudio")

from ten_packages.extension.lmstudio_llm2_python.engine import LmStudioEngine

TIMER = {
    "name": "set_timer",
    "description": "Sets a timer",
    "parameters": [{"name": "seconds", "type": "int64", "description": "how long", "required": True}],
}


def ask(text: str = "hello", **fields: Any) -> LlmRequest:
    return LlmRequest("r1", [{"role": "user", "content": text}], **fields)


def run(server: LmStudioServer, work: Callable[[LmStudioEngine], Awaitable[Any]], **params: Any) -> Any:
    async def with_engine() -> Any:
        engine = LmStudioEngine(host=server.host, **params)
        try:
            return await work(engine)
        finally:
            await engine.close()

    return asyncio.run(with_engine())


async def collect(engine: LmStudioEngine, request: LlmRequest | None = None) -> list[LlmEvent]:
    return [event async for event in engine.stream(request or ask())]


def spoken(events: list[LlmEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and not event.reasoning)


def thought(events: list[LlmEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.reasoning)


def test_streams_text_and_usage() -> None:
    with LmStudioServer(Reply(tokens=["你好", "，", "世界。"]), loaded=["tiny"]) as server:
        events = run(server, collect)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["你好", "，", "世界。"]
    assert isinstance(events[-1], Usage)
    assert events[-1].prompt_tokens == 7


def test_the_only_downloaded_model_is_loaded_with_progress_and_ttl(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def load(engine: LmStudioEngine) -> tuple[list[str], list[str], float]:
        before = await engine.loaded()
        await engine.load()
        return before, await engine.downloaded(), engine.progress.share

    with LmStudioServer(downloaded=["qwen3-30b"]) as server:
        before, downloaded, share = run(server, load, ttl_s=600, context_length=8192)
        assert server.loaded == ["qwen3-30b"]
        assert server.loads[0]["loadTtlMs"] == 600_000
        assert "8192" in str(server.loads[0]["loadConfigStack"])
    assert (before, downloaded, share) == ([], ["qwen3-30b"], 1.0)
    assert "LM Studio loads qwen3-30b: 50 %" in caplog.text


def test_the_only_loaded_model_is_taken() -> None:
    with LmStudioServer(downloaded=["a", "b", "c"], loaded=["b"]) as server:
        run(server, collect)
        assert server.predictions[0].model == "b"


@pytest.mark.parametrize(
    ("downloaded", "params", "words"),
    [
        (["a", "b"], {}, "set `model` to one of: a, b"),
        ([], {}, "lms get MODEL"),
        (["a"], {"model": "qwen"}, "model qwen is not in LM Studio.*lms get qwen"),
    ],
)
def test_which_model_is_missing_is_told(downloaded: list[str], params: dict[str, Any], words: str) -> None:
    with LmStudioServer(downloaded=downloaded) as server, pytest.raises(EngineUnavailable, match=words):
        run(server, LmStudioEngine.load, **params)


def test_lm_studio_that_is_not_running_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        engine = LmStudioEngine(host=f"127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(EngineUnavailable, match=r"LM Studio does not answer.*lms server start") as failure:
            asyncio.run(engine.load())
    assert not failure.value.permanent


def test_a_refused_login_is_told() -> None:
    with LmStudioServer(refuse_auth=True) as server, pytest.raises(EngineUnavailable):
        run(server, LmStudioEngine.load)


def test_closing_the_iterator_really_stops_the_server() -> None:
    async def leave_early(engine: LmStudioEngine) -> None:
        events = engine.stream(ask())
        await anext(events)
        await events.aclose()

    with LmStudioServer(Reply(tokens=["word "] * 1000, token_delay_ms=20), loaded=["tiny"]) as server:
        run(server, leave_early)
        assert server.predictions[0].cancelled.is_set()
        assert not server.predictions[0].finished
        assert server.predictions[0].tokens_sent < 50


def test_cancelling_the_task_really_stops_the_server() -> None:
    async def cancel_while_waiting(engine: LmStudioEngine) -> str:
        task = asyncio.ensure_future(collect(engine))
        assert await asyncio.to_thread(server.prediction_arrived.wait, 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return spoken(await collect(engine))

    replies = (Reply(first_token_delay_ms=60_000), Reply(tokens=["fine."]))
    with LmStudioServer(*replies, loaded=["tiny"]) as server:
        assert run(server, cancel_while_waiting) == "fine."
        assert server.predictions[0].cancelled.is_set()


def test_reasoning_is_split_off_both_ways() -> None:
    tagged = Reply(tokens=list("<think>no</think>Yes."))
    with LmStudioServer(Reply(reasoning=["hm"], tokens=["Yes."]), tagged, loaded=["tiny"]) as server:

        async def twice(engine: LmStudioEngine) -> list[list[LlmEvent]]:
            return [await collect(engine), await collect(engine)]

        first, second = run(server, twice)
    assert (thought(first), spoken(first)) == ("hm", "Yes.")
    assert (thought(second), spoken(second)) == ("no", "Yes.")


def test_tools_and_the_history_of_their_use() -> None:
    calls = [("set_timer", {"seconds": 300})]
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "a timer"}]},
        {
            "type": "function_call",
            "call_id": "c",
            "name": "set_timer",
            "arguments": '{"seconds": 1}',
            "role": "assistant",
        },
        {"type": "function_call_output", "call_id": "c", "output": "done", "role": "tool"},
    ]
    with LmStudioServer(Reply(tokens=[], tool_calls=calls), loaded=["tiny"]) as server:
        request = LlmRequest("r", messages, [TIMER], {"temperature": 0.3})
        events = run(server, lambda engine: collect(engine, request), prompt="Be brief.")
        prediction = server.predictions[0]
    assert [event for event in events if isinstance(event, ToolCall)] == [
        ToolCall("call_0", "set_timer", {"seconds": 300})
    ]
    assert [message["role"] for message in prediction.history] == ["system", "user", "assistant", "tool"]
    assert prediction.history[2]["content"][1]["toolCallRequest"]["arguments"] == {"seconds": 1}
    assert prediction.config["llm.prediction.temperature"] == 0.3
    assert "set_timer" in str(prediction.config["llm.prediction.tools"])


@pytest.mark.parametrize("broken", [Reply(error_after=1), Reply(drop_after=2)], ids=["error", "dropped"])
def test_a_failure_is_named_and_the_next_reply_works(broken: Reply) -> None:
    async def fail_then_ask(engine: LmStudioEngine) -> str:
        with pytest.raises(EngineUnavailable, match="while replying"):
            await collect(engine)
        return spoken(await collect(engine))

    with LmStudioServer(broken, Reply(tokens=["again."]), loaded=["tiny"]) as server:
        assert run(server, fail_then_ask) == "again."


def test_a_server_that_falls_silent_is_given_up_and_stopped() -> None:
    with LmStudioServer(Reply(stall_after=2), loaded=["tiny"]) as server:
        with pytest.raises(EngineUnavailable, match=r"no token within 0\.1 s"):
            run(server, collect, idle_timeout_ms=100)
        assert server.predictions[0].cancelled.is_set()
