"""The stage: what it says, when, on which input."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from stream_talk.ten import names
from stream_talk.testing.stage import Record, Stage, drive

from tests import speech

META = {"session_id": "s", "turn_id": 3}
NO_SMART_TURN = {"smart_turn": {"enabled": False}}


def hear(script: Any, **properties: Any) -> Record:
    return drive("turn_detection_python", {**NO_SMART_TURN, **properties}, script)


async def result(stage: Stage, text: str, *, final: bool = False) -> None:
    body = {
        "id": "a",
        "text": text,
        "final": final,
        "start_ms": 0,
        "duration_ms": 1,
        "language": "en-US",
        "metadata": META,
    }
    await stage.send_data(names.ASR_RESULT, body)


async def decision(stage: Stage, text: str, state: str) -> dict[str, Any]:
    event = await stage.wait_data(names.TURN_DECISION, lambda body: body["text"] == text and body["state"] == state)
    return event.body


def test_an_opinion_follows_every_change_of_the_words() -> None:
    async def script(stage: Stage) -> None:
        await result(stage, "I would like to")
        await decision(stage, "I would like to", "unfinished")
        await result(stage, "I would like to order a pizza please")
        body = await decision(stage, "I would like to order a pizza please", "finished")
        assert body["metadata"] == META and body["source"] == "words" and 0.5 <= body["probability"] <= 1
        await result(stage, "hold on")
        await decision(stage, "hold on", "wait")

    record = hear(script)
    assert len(record.data(names.TURN_DECISION)) == 3


def test_the_same_words_are_not_judged_twice_and_empty_ones_never() -> None:
    async def script(stage: Stage) -> None:
        await result(stage, "what time is it")
        await result(stage, "what time is it", final=True)
        await result(stage, "", final=True)
        await stage.wait_data(names.TURN_DECISION)
        await stage.quiet_for(100)

    assert len(hear(script).data(names.TURN_DECISION)) == 1


@pytest.mark.speech
@pytest.mark.parametrize("whole", [True, False])
def test_the_voice_decides_when_the_words_cannot(whole: bool) -> None:
    speech.require()
    pcm = speech.trimmed(speech.pcm("conf-kicked"))
    pcm = pcm if whole else pcm[: len(pcm) // 2]
    audio = np.concatenate([np.zeros(4800, np.int16), pcm, np.zeros(3200, np.int16)])
    state = "finished" if whole else "unfinished"

    async def script(stage: Stage) -> None:
        await stage.send_cmd(names.START_OF_SENTENCE, {"timestamp_ms": 300})
        await result(stage, "you have been kicked")
        await stage.speak(audio, META, frame_samples=320)
        await stage.send_cmd(
            names.END_OF_SENTENCE, {"timestamp_ms": 300 + len(pcm) / 16, "decided_ms": 500 + len(pcm) / 16}
        )
        body = await stage.wait_data(names.TURN_DECISION, lambda body: body["source"] == "prosody")
        assert body.body["state"] == state and 150 <= body.body["silence_ms"] <= 250

    hear(script)


def test_a_dead_model_never_delays_the_opinion() -> None:
    async def script(stage: Stage) -> None:
        for index in range(4):
            began = time.monotonic()
            await result(stage, f"what time is it number {index}")
            await stage.wait_data(names.TURN_DECISION, count=index + 1)
            assert time.monotonic() - began < 5.0
            await stage.quiet_for(60)

    record = hear(script, model={"base_url": "http://127.0.0.1:9/v1", "budget_ms": 40})
    assert all(event.body["source"] == "words" for event in record.data(names.TURN_DECISION))
    complaints = [event.body["message"] for event in record.data(names.ERROR)]
    assert len(complaints) == 1 and "words and prosody decide" in complaints[0]


def test_a_missing_smart_turn_model_is_said_once_and_done_without() -> None:
    async def script(stage: Stage) -> None:
        await stage.wait_data(names.ERROR)
        await result(stage, "what time is it")
        await decision(stage, "what time is it", "finished")

    record = hear(script, smart_turn={"enabled": True, "model_path": "/no/such.onnx"})
    assert "pip install --no-deps pipecat-ai" in record.data(names.ERROR)[0].body["message"]


def test_tens_own_protocol() -> None:
    async def say(stage: Stage, text: str, final: bool) -> None:
        await stage.send_data(names.TEXT_DATA, {"text": text, "is_final": final})

    async def script(stage: Stage) -> None:
        await say(stage, "I would", False)
        await say(stage, "I would like to", True)
        await say(stage, "order a pizza please", True)
        turn = await stage.wait_data(names.TEXT_DATA, lambda body: body["is_final"])
        assert turn.body["text"] == "I would like to order a pizza please"
        await say(stage, "hold on", True)
        assert not [
            event for event in await stage.quiet_for(150) if event.name == names.TEXT_DATA and event.body["is_final"]
        ]

    record = hear(script)
    assert len(record.cmds(names.FLUSH)) == 2


def test_a_turn_of_tens_protocol_is_never_held_longer_than_asked() -> None:
    async def script(stage: Stage) -> None:
        await stage.send_data(names.TEXT_DATA, {"text": "I would like to", "is_final": True})
        forced = await stage.wait_data(names.TEXT_DATA, lambda body: body["is_final"], timeout_ms=5000)
        assert forced.body["text"] == "I would like to"

    hear(script, force_threshold_ms=120)


def test_a_malformed_message_does_no_harm() -> None:
    async def script(stage: Stage) -> None:
        await stage.send_cmd(names.END_OF_SENTENCE, {"timestamp_ms": "soon"})
        await stage.send_data(names.ASR_RESULT, {"text": {"not": "text"}})
        await result(stage, "what time is it")
        await decision(stage, "what time is it", "finished")

    hear(script)
