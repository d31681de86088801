"""The engine against a real HTTP server that misbehaves on demand."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import Any

import pytest
from stream_talk.engines.interfaces import EngineUnavailable, LlmEvent, LlmRequest, TextDelta, ToolCall, Usage
from stream_talk.llm.tools import MalformedToolCall
from stream_talk.testing.openai_server import OpenAiServer, Reply

from ten_packages.extension.openai_llm2_python.engine import OpenAiEngine

TIMER = {
    "name": "set_timer",
    "description": "Sets a timer",
    "parameters": [{"name": "seconds", "type": "int64", "description": "how long", "required": True}],
}


def engine_for(server: OpenAiServer, **settings: Any) -> OpenAiEngine:
    return OpenAiEngine(**{"preset": "custom", "base_url": server.base_url, "retry_delay_ms": 1, **settings})


def ask(text: str = "hello", **fields: Any) -> LlmRequest:
    return LlmRequest("r1", [{"role": "user", "content": text}], **fields)


async def collect(engine: OpenAiEngine, request: LlmRequest | None = None) -> list[LlmEvent]:
    return [event async for event in engine.stream(request or ask())]


def spoken(events: list[LlmEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and not event.reasoning)


def thought(events: list[LlmEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.reasoning)


def reply_of(*replies: Reply, **settings: Any) -> list[LlmEvent]:
    with OpenAiServer(*replies) as server:
        return asyncio.run(collect(engine_for(server, **settings)))


def test_streams_text_and_usage() -> None:
    events = reply_of(Reply(tokens=["你好", "，", "世界", "。"]))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["你好", "，", "世界", "。"]
    assert events[-1] == Usage(7, 4)


def test_no_key_is_needed_or_sent_to_a_local_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-somebody-else")
    with OpenAiServer() as server:
        assert spoken(asyncio.run(collect(engine_for(server, preset="ollama")))) == "Hello there."
        assert all("authorization" not in request.headers for request in server.requests)


def test_the_key_goes_into_the_header_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    refusal = Reply(status=401, error="Incorrect API key provided: sk-secret")
    with OpenAiServer(refusal) as server:
        engine = engine_for(server, preset="openai", api_key="sk-secret", model="tiny")
        with pytest.raises(EngineUnavailable) as failure:
            asyncio.run(collect(engine))
        assert server.chats[0].headers["authorization"] == "Bearer sk-secret"
    assert "OPENAI_API_KEY" in failure.value.remedy
    assert failure.value.permanent
    assert "sk-secret" not in f"{failure.value} {engine._config!r} {caplog.text}"


def test_a_missing_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XAI_API_KEY", raising=False)
    with pytest.raises(EngineUnavailable, match="Grok needs a key; set XAI_API_KEY"):
        asyncio.run(OpenAiEngine(preset="grok").load())


def test_the_only_model_is_taken() -> None:
    with OpenAiServer(models=["tiny", "nomic-embed-text"]) as server:
        engine = engine_for(server)
        asyncio.run(collect(engine))
        assert server.chats[0].body["model"] == "tiny"


@pytest.mark.parametrize("preset", ["lmstudio", "ollama"])
def test_the_only_loaded_model_is_taken(preset: str) -> None:
    with OpenAiServer(models=["a", "b", "c"], loaded=["b"]) as server:
        asyncio.run(collect(engine_for(server, preset=preset)))
        assert server.chats[0].body["model"] == "b"


def test_several_models_are_listed_in_the_error() -> None:
    with OpenAiServer(models=["a", "b"]) as server, pytest.raises(EngineUnavailable, match="one of: a, b"):
        asyncio.run(engine_for(server).load())


def test_a_model_that_ollama_lacks_is_named_with_the_command() -> None:
    with (
        OpenAiServer(models=["a"]) as server,
        pytest.raises(EngineUnavailable, match="model qwen3:4b is not in Ollama; run `ollama pull qwen3:4b`"),
    ):
        asyncio.run(collect(engine_for(server, preset="ollama", model="qwen3:4b")))


def test_a_server_that_is_not_running_is_told_with_the_remedy() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        engine = OpenAiEngine(preset="lmstudio", base_url=url)
        with pytest.raises(EngineUnavailable, match=r"LM Studio is not running .*lms server start") as failure:
            asyncio.run(engine.load())
        assert not failure.value.permanent
        with pytest.raises(EngineUnavailable, match="LM Studio is not running"):
            asyncio.run(collect(engine))


def test_tool_calls_are_assembled_from_interleaved_fragments() -> None:
    calls = [("set_timer", {"seconds": 300}), ("say", {"text": '煮好了 "now"'})]
    with OpenAiServer(Reply(tokens=["One moment."], tool_calls=calls)) as server:
        events = asyncio.run(collect(engine_for(server), ask(tools=[TIMER])))
        schema = server.chats[0].body["tools"][0]["function"]["parameters"]
    made = [event for event in events if isinstance(event, ToolCall)]
    assert [(call.name, call.arguments) for call in made] == calls
    assert [call.call_id for call in made] == ["call_0", "call_1"]
    assert schema == {
        "type": "object",
        "properties": {"seconds": {"type": "integer", "description": "how long"}},
        "required": ["seconds"],
    }


def test_calls_and_their_outputs_go_back_in_openai_shape() -> None:
    messages = [
        {"role": "user", "content": "two timers"},
        {
            "type": "function_call",
            "id": "a",
            "call_id": "a",
            "name": "set_timer",
            "arguments": "{}",
            "role": "assistant",
        },
        {
            "type": "function_call",
            "id": "b",
            "call_id": "b",
            "name": "set_timer",
            "arguments": "{}",
            "role": "assistant",
        },
        {"type": "function_call_output", "call_id": "a", "output": "done", "role": "tool"},
        {"type": "function_call_output", "call_id": "b", "output": "done", "role": "tool"},
    ]
    with OpenAiServer() as server:
        asyncio.run(collect(engine_for(server, prompt="Be brief."), LlmRequest("r", messages)))
        sent = server.chats[0].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool", "tool"]
    assert [call["id"] for call in sent[2]["tool_calls"]] == ["a", "b"]
    assert sent[4] == {"role": "tool", "tool_call_id": "b", "content": "done"}


def test_arguments_that_are_not_json_are_an_error_not_a_guess() -> None:
    body = b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{oops"}}]}}]}\n\n'
    with pytest.raises(MalformedToolCall, match="not JSON"):
        reply_of(Reply(raw=body))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_fields_are_kept_apart(field: str) -> None:
    events = reply_of(Reply(reasoning=["Let me ", "see."], reasoning_field=field, tokens=["Yes."]))
    assert (thought(events), spoken(events)) == ("Let me see.", "Yes.")


def test_think_tags_are_split_off_however_they_are_cut() -> None:
    text = "<think>\nhmm, 1 < 2</think>\n\nIt is a <b> tag."
    events = reply_of(Reply(tokens=list(text)))
    assert (thought(events), spoken(events)) == ("hmm, 1 < 2", "It is a <b> tag.")


def test_a_template_that_opens_the_tag_in_the_prompt() -> None:
    events = reply_of(Reply(tokens=["thinking", "</think>", "Yes."]), starts_in_reasoning=True)
    assert (thought(events), spoken(events)) == ("thinking", "Yes.")


def test_closing_the_iterator_stops_the_server() -> None:
    async def leave_early(engine: OpenAiEngine) -> float:
        events = engine.stream(ask())
        assert await anext(events) == TextDelta("word ")
        started = time.perf_counter()
        await events.aclose()
        return (time.perf_counter() - started) * 1000.0

    with OpenAiServer(Reply(tokens=["word "] * 1000, token_delay_ms=20)) as server:
        asyncio.run(leave_early(engine_for(server)))
        assert server.chats[0].cancelled.wait(5.0)
        assert server.chats[0].tokens_sent < 100
        assert not server.chats[0].finished


def test_cancelling_the_task_stops_the_server_even_before_the_first_token() -> None:
    async def cancel_while_waiting(engine: OpenAiEngine) -> None:
        task = asyncio.ensure_future(collect(engine))
        assert await asyncio.to_thread(server.chat_arrived.wait, 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await engine.close()

    with OpenAiServer(Reply(first_token_delay_ms=60000)) as server:
        asyncio.run(cancel_while_waiting(engine_for(server, model="tiny")))
        assert server.chats[0].cancelled.wait(5.0)


def test_the_engine_is_usable_right_after_a_cancel() -> None:
    async def twice(engine: OpenAiEngine) -> str:
        events = engine.stream(ask())
        await anext(events)
        await events.aclose()
        return spoken(await collect(engine))

    with OpenAiServer(Reply(tokens=["a"] * 500, token_delay_ms=10), Reply(tokens=["fine."])) as server:
        assert asyncio.run(twice(engine_for(server))) == "fine."


@pytest.mark.parametrize(
    "first",
    [
        Reply(status=503, error="loading model"),
        Reply(status=429, error="slow down", retry_after_s=0.01),
        Reply(refuse_connection=True),
        Reply(drop_after=0),
        Reply(error_after=0),
    ],
    ids=["503", "429", "hung up", "dropped", "error in stream"],
)
def test_retried_before_the_first_token(first: Reply) -> None:
    assert spoken(reply_of(first, Reply(tokens=["second try."]))) == "second try."


@pytest.mark.parametrize("first", [Reply(drop_after=1), Reply(error_after=1)], ids=["dropped", "error in stream"])
def test_never_retried_after_the_first_token(first: Reply) -> None:
    async def gather(engine: OpenAiEngine) -> list[LlmEvent]:
        got: list[LlmEvent] = []
        with pytest.raises(EngineUnavailable, match="broke off"):
            async for event in engine.stream(ask()):
                got.append(event)
        return got

    with OpenAiServer(first, Reply(tokens=["again"])) as server:
        assert spoken(asyncio.run(gather(engine_for(server)))) == "Hello"
        assert len(server.chats) == 1


def test_an_error_without_its_end_is_still_an_error() -> None:
    with (
        OpenAiServer(Reply(status=400, error="bad", stall_after=0)) as server,
        pytest.raises(EngineUnavailable, match="400"),
    ):
        asyncio.run(collect(engine_for(server, idle_timeout_ms=100)))


def test_retries_end() -> None:
    with OpenAiServer(Reply(status=503, error="busy")) as server:
        with pytest.raises(EngineUnavailable, match="503"):
            asyncio.run(collect(engine_for(server, retries=2)))
        assert len(server.chats) == 3


def test_an_exhausted_account_is_not_retried() -> None:
    error = {"message": "insufficient_quota: see your plan", "code": "insufficient_quota"}
    with OpenAiServer(Reply(status=429, error=error)) as server:
        with pytest.raises(EngineUnavailable, match="over its limit"):
            asyncio.run(collect(engine_for(server)))
        assert len(server.chats) == 1


def test_a_field_that_the_server_refuses_is_left_out_from_then_on() -> None:
    async def ask_twice(engine: OpenAiEngine) -> str:
        first = spoken(await collect(engine))
        await collect(engine)
        return first

    with OpenAiServer(Reply(reject_fields=["stream_options", "temperature"])) as server:
        assert asyncio.run(ask_twice(engine_for(server, temperature=0.5))) == "Hello there."
        assert "stream_options" not in server.chats[-1].body
        assert len(server.chats) == 4


def test_a_server_that_never_begins_is_given_up() -> None:
    with pytest.raises(EngineUnavailable, match=r"no first token within 0\.1 s"):
        reply_of(Reply(first_token_delay_ms=60000), first_token_timeout_ms=100)


def test_a_server_that_falls_silent_is_given_up_and_told() -> None:
    with OpenAiServer(Reply(stall_after=1)) as server:
        with pytest.raises(EngineUnavailable, match=r"no token within 0\.1 s"):
            asyncio.run(collect(engine_for(server, idle_timeout_ms=100)))
        assert server.chats[0].cancelled.wait(5.0)


ODD_BODIES = {
    "no space after data": b'data:{"choices":[{"delta":{"content":"ok"}}]}\n\ndata:[DONE]\n\n',
    "carriage returns": b'data: {"choices":[{"delta":{"content":"ok"}}]}\r\n\r\ndata: [DONE]\r\n\r\n',
    "comments": b': OPENROUTER PROCESSING\n\ndata: {"choices":[{"delta":{"content":"ok"}}]}\n\n',
    "no end": b'data: {"choices":[{"delta":{"content":"ok"}}]}',
    "no empty lines": b'data: {"choices":[{"delta":{"content":"o"}}]}\ndata: {"choices":[{"delta":{"content":"k"}}]}\n',
    "an event over several lines": b'data: {"choices":\ndata: [{"delta":{"content":"ok"}}]}\n\n',
    "null content and empty choices": b'data: {"choices":[]}\n\ndata: {"choices":[{"delta":{"content":null}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"ok"}}]}\n\n',
    "rubbish between events": b'data: {"cho\n\ndata: {"choices":[{"delta":{"content":"ok"}}]}\n\nhello?\n\n',
    "bare json lines": b'{"choices":[{"delta":{"content":"ok"}}]}\n{"choices":[]}\n',
    "wrong types": b'data: {"choices":[7]}\n\ndata: {"choices":[{"delta":[]}]}\n\ndata: {"choices":"x"}\n\n'
    b'data: {"choices":[{"delta":{"content":"ok","tool_calls":[3]}}],"usage":5}\n\n',
}  # fmt: skip


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_odd_streams_are_understood(body: bytes) -> None:
    assert spoken(reply_of(Reply(raw=body))) == "ok"


def test_a_server_that_ignores_streaming() -> None:
    assert spoken(reply_of(Reply(plain_json=True))) == "Hello there."


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"", b"data: 5\n\n"], ids=["html", "nothing", "a number"])
def test_something_that_is_not_this_protocol(body: bytes) -> None:
    with pytest.raises(EngineUnavailable, match="does not speak the chat completions protocol"):
        reply_of(Reply(raw=body, content_type="text/html"))


def test_an_endless_line_does_not_fill_the_memory() -> None:
    with pytest.raises(EngineUnavailable, match="broke off"):
        reply_of(Reply(raw=b"data: {" + b"x\ndata: " * 200_000 + b"x" * 900_000), retries=0)


def test_one_connection_serves_the_whole_conversation() -> None:
    async def talk(engine: OpenAiEngine) -> None:
        await engine.load()
        for _ in range(3):
            await collect(engine)
        await engine.close()

    with OpenAiServer() as server:
        asyncio.run(talk(engine_for(server)))
        assert server.connections == 1


def test_request_parameters_win_but_cannot_replace_the_conversation() -> None:
    with OpenAiServer() as server:
        request = ask(parameters={"temperature": 0.9, "messages": [], "stream": False})
        asyncio.run(collect(engine_for(server, temperature=0.1, thinking="off", preset="vllm"), request))
        body = server.chats[0].body
    assert body["temperature"] == 0.9
    assert body["stream"] is True
    assert body["messages"] == [{"role": "user", "content": "hello"}]
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
