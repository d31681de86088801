"""The stock SDK against a whole server: a recorded person asks, the embedded graph answers; a model calls the client's function."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_talk.testing.openai_server import OpenAiServer, Reply

from bench import recorded_speech
from bench.gateway_load.server import ROOT, GatewayProcess

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.slow
ADMISSION = {"max_loop_lag_ms": 10_000, "max_queue_ms": 100_000}


def sdk(server: GatewayProcess) -> Any:
    base = f"127.0.0.1:{server.port}/v1"
    return openai.AsyncOpenAI(
        api_key="unused", base_url=f"http://{base}", websocket_base_url=f"ws://{base}", max_retries=0
    )


class Listener:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def until(self, kind: str, timeout_s: float = 60) -> Any:
        while True:
            event = await asyncio.wait_for(self.connection.recv(), timeout_s)
            self.events.append(event)
            assert event.type != "error", event
            if event.type == kind:
                return event

    def sound(self) -> np.ndarray:
        pcm = b"".join(base64.b64decode(e.delta) for e in self.events if e.type == "response.output_audio.delta")
        return np.frombuffer(pcm, dtype=np.int16)


@pytest.fixture(scope="module")
def server() -> Iterator[GatewayProcess]:
    with GatewayProcess("embedded", graphs_from=ROOT / "graphs", admission=ADMISSION, warm_up=True) as process:
        yield process


@pytest.mark.speech
@pytest.mark.skipif(recorded_speech.missing() is not None, reason=str(recorded_speech.missing()))
def test_a_spoken_question_is_heard_and_answered_aloud(server):
    async def scenario() -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            await listener.until("session.created")
            audio = {"input": {"format": {"type": "audio/pcm", "rate": 16000}, "transcription": {"model": "any"}}}
            await connection.session.update(session={"type": "realtime", "audio": audio})
            await listener.until("session.updated")
            spoken = recorded_speech.pcm(recorded_speech.by_name("please-try-again"))
            speaking = asyncio.create_task(speak(connection, spoken))
            heard = await listener.until("conversation.item.input_audio_transcription.completed")
            done = await listener.until("response.done")
            speaking.cancel()
            kinds = [e.type for e in listener.events]
            order = [
                "input_audio_buffer.speech_started",
                "input_audio_buffer.speech_stopped",
                "input_audio_buffer.committed",
            ]
            assert [k for k in kinds if k in order][-3:] == order
            assert heard.transcript.strip()
            assert done.response.status == "completed"
            assert done.response.output[0].content[0].transcript
            sound = listener.sound()
            assert len(sound) > 24_000 // 2 and np.abs(sound).max() > 1_000, "the answer is audible"

    asyncio.run(scenario())


async def ask(listener: Listener, text: str) -> Any:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await listener.connection.conversation.item.create(item=item)
    await listener.connection.response.create()
    return await listener.until("response.done")


def said(done: Any) -> str:
    part = done.response.output[0].content[0]
    return str(part.transcript or part.text)


@pytest.mark.speech
@pytest.mark.skipif(recorded_speech.missing() is not None, reason=str(recorded_speech.missing()))
def test_manual_mode_answers_what_was_committed_though_all_comes_in_one_breath(server):
    async def scenario() -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            audio_in = {
                "turn_detection": None,
                "transcription": {"model": "any"},
                "format": {"type": "audio/pcm", "rate": 16000},
            }
            await connection.session.update(session={"type": "realtime", "audio": {"input": audio_in}})
            await listener.until("session.updated")
            spoken = recorded_speech.pcm(recorded_speech.by_name("please-try-again"))
            await connection.input_audio_buffer.append(audio=base64.b64encode(spoken.tobytes()).decode())
            await connection.input_audio_buffer.commit()
            await connection.response.create()
            done = await listener.until("response.done")
            heard = [e for e in listener.events if e.type.endswith("input_audio_transcription.completed")]
            assert heard[0].transcript and heard[0].usage.seconds > 1
            assert done.response.status == "completed" and said(done)
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            assert heard[0].transcript in said(await ask(listener, "what did I say"))

    asyncio.run(scenario())


def test_questions_in_a_row_are_all_answered_and_a_cancelled_one_leaves_no_trace(server):
    async def scenario() -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            await connection.response.cancel()
            assert (await listener.until("response.done")).response.status == "cancelled"
            await connection.response.create()
            assert (await listener.until("response.done")).response.status == "completed"
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            for text in ("tell me a story", "what did I say"):
                done = await ask(listener, text)
                assert done.response.status == "completed", "written replies do not wait for a voice"
            assert "tell me a story" in said(done)

    asyncio.run(scenario())


def test_a_truncated_reply_is_remembered_as_far_as_it_was_heard(server):
    """By the conversation itself: asked what it said, it no longer knows the rest."""

    async def scenario() -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "tell me a story"}]}
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            while len(listener.sound()) < 24_000 * 3:
                await listener.until("response.output_audio.delta")
            await connection.response.cancel()
            done = await listener.until("response.done")
            reply = done.response.output[0]
            await connection.conversation.item.truncate(item_id=reply.id, content_index=0, audio_end_ms=1_500)
            await listener.until("conversation.item.truncated")
            await connection.conversation.item.retrieve(item_id=reply.id)
            kept = (await listener.until("conversation.item.retrieved")).item.content[0].transcript
            assert (
                kept and reply.content[0].transcript.startswith(kept) and len(kept) < len(reply.content[0].transcript)
            )
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            remembered = said(await ask(listener, "what did you say"))
            words = kept.split()
            assert words[0] in remembered
            assert reply.content[0].transcript.split()[len(words) + 3] not in remembered

    asyncio.run(scenario())


async def speak(connection: Any, pcm: np.ndarray) -> None:
    """In real time, and then silence; then once more, for a machine that was too busy to recognise it in time."""
    step = 320
    once = np.concatenate([np.zeros(8_000, np.int16), pcm, np.zeros(16 * 9_000, np.int16)])
    whole = np.concatenate([once] * 3)
    started = asyncio.get_running_loop().time()
    for number, start in enumerate(range(0, len(whole), step)):
        await connection.input_audio_buffer.append(
            audio=base64.b64encode(whole[start : start + step].tobytes()).decode()
        )
        await asyncio.sleep(max(0.0, started + 0.02 * (number + 1) - asyncio.get_running_loop().time()))


def test_a_model_calls_a_function_of_the_client(tmp_path: Path):
    """The whole way: session.update(tools) -> graph -> model -> function call -> client -> output -> spoken answer."""
    call = ("get_weather", {"city": "Delft"})
    with OpenAiServer() as model:
        model.replies = [
            Reply(tokens=(), tool_calls=[call]),
            Reply(tokens=["It", " is", " sunny", " in", " Delft", "."]),
        ]
        graph = {
            "extends": str(ROOT / "graphs" / "text-only.json"),
            "stream_talk": {"title": {"en": "t", "zh": "t"}, "description": {"en": "t", "zh": "t"}},
            "nodes": [
                {"name": "llm", "type": "extension", "addon": "openai_llm2_python", "extension_group": "llm",
                 "property": {"params": {"preset": "custom", "base_url": model.base_url, "model": "tiny"}}},
                {"name": "memory", "remove": True},
            ],
        }  # fmt: skip
        (tmp_path / "functions.json").write_text(json.dumps(graph))

        async def scenario(server: GatewayProcess) -> None:
            async with sdk(server).realtime.connect(model="functions") as connection:
                listener = Listener(connection)
                await listener.until("session.created")
                schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
                tool = {"type": "function", "name": "get_weather", "description": "the weather", "parameters": schema}
                await connection.session.update(
                    session={"type": "realtime", "tools": [tool], "output_modalities": ["text"]}
                )
                await listener.until("session.updated")
                question = {"type": "input_text", "text": "How is the weather in Delft?"}
                await connection.conversation.item.create(
                    item={"type": "message", "role": "user", "content": [question]}
                )
                await connection.response.create()
                asked = await listener.until("response.function_call_arguments.done")
                assert json.loads(asked.arguments) == {"city": "Delft"}
                await listener.until("response.done")
                output = {"type": "function_call_output", "call_id": asked.call_id, "output": '{"sky": "clear"}'}
                await connection.conversation.item.create(item=output)
                await connection.response.create()
                done = await listener.until("response.done")
                assert done.response.output[0].content[0].text == "It is sunny in Delft."
            told = json.dumps(model.requests[-1].body)
            assert "clear" in told and "get_weather" in told

        with GatewayProcess("functions", graphs_from=tmp_path, admission=ADMISSION) as server:
            asyncio.run(scenario(server))
