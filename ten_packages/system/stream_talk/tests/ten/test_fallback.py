"""A second engine takes over in the middle of a conversation, and the person is told."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel
from stream_talk.engines.fallback import FallbackChain, Link
from stream_talk.engines.host import Placement
from stream_talk.engines.shared import hosts
from stream_talk.ten import AsrConfig, AsrExtension, LlmConfig, LlmExtension, TtsConfig, TtsExtension, names
from stream_talk.testing.engines import ScriptedAsr, ScriptedLlm, ToneTts
from stream_talk.testing.stage import Record, Stage, drive, register_for_test


class AnyParams(BaseModel):
    model_config = {"extra": "allow"}


class AnyTtsConfig(TtsConfig):
    params: AnyParams = AnyParams()


class AnyAsrConfig(AsrConfig):
    params: AnyParams = AnyParams()


class AnyLlmConfig(LlmConfig):
    params: AnyParams = AnyParams()


class Voice(TtsExtension):
    vendor = "voice"
    config_model = AnyTtsConfig
    engine_class = ToneTts
    placement: ClassVar[Placement] = "inline"


class WorkerVoice(Voice):
    placement: ClassVar[Placement] = "process"


class Ears(AsrExtension):
    vendor = "ears"
    config_model = AnyAsrConfig
    engine_class = ScriptedAsr
    placement: ClassVar[Placement] = "inline"


class WorkerEars(Ears):
    placement: ClassVar[Placement] = "process"


class Brain(LlmExtension):
    vendor = "brain"
    config_model = AnyLlmConfig
    engine_class = ScriptedLlm


for extension in (Voice, WorkerVoice, Ears, WorkerEars, Brain):
    register_for_test(f"fallback_{extension.__name__}", extension)


@pytest.fixture(autouse=True)
def fresh_engines() -> Iterator[None]:
    """Engines are shared by configuration; a fault that one test has used up would be missing in the next."""
    yield
    hosts.close_all()


@pytest.fixture(autouse=True)
def second_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package `second` beside the others, whose extension module holds one class of each role."""
    module = types.ModuleType("ten_packages.extension.second.extension")
    for base in (Voice, Ears, Brain):
        setattr(module, base.__name__, type(f"Second{base.__name__}", (base,), {"__module__": module.__name__}))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def second(**params: Any) -> dict[str, Any]:
    return {"addon": "second", "params": params, "late_ms": 300.0, "retry_after_ms": 60_000.0}


async def say(stage: Stage, request_id: str, text: str) -> None:
    body = {"request_id": request_id, "text": text, "text_input_end": True, "metadata": {"request_id": request_id}}
    await stage.send_data(names.TTS_TEXT_INPUT, body)
    await stage.wait_data(names.TTS_AUDIO_END, lambda b: b["request_id"] == request_id)


def switches(record: Record) -> list[str]:
    return [e.body["message"] for e in record.data(names.ERROR) if "takes over" in e.body["message"]]


@pytest.mark.parametrize("fault", ["fail", "stall"])
def test_a_voice_that_fails_or_is_late_is_replaced(fault: str) -> None:
    async def script(stage: Stage) -> None:
        await say(stage, "r1", "Hello big world.")
        await say(stage, "r2", "Once more please.")

    properties = {"params": {"faults": [fault]}, "fallback": second(sample_rate_hz=24000)}
    record = drive("fallback_Voice", properties, script, virtual=True)
    assert {e.sample_rate_hz for e in record.audio()} == {24000}
    assert [e.body["reason"] for e in record.data(names.TTS_AUDIO_END)] == [names.REASON_REQUEST_END] * 2
    assert len(switches(record)) == 1
    first = record.audio()[0].at_ms - record.data(names.CONNECTION_STATUS_CHANGED)[0].at_ms
    assert first < 1000


def test_a_voice_that_dies_in_the_middle_of_a_clause_goes_on_with_the_next_word() -> None:
    """The words are said once, by two engines; the request ends well."""

    async def script(stage: Stage) -> None:
        await say(stage, "r1", "One two three four five six seven.")

    # The chunk that never comes makes the first voice late after it has already spoken.
    properties = {
        "params": {"chunk_delay_ms": 400.0},
        "chunk_timeout_ms": 300.0,
        "fallback": second(chunk_ms=100),
    }
    record = drive("fallback_Voice", properties, script, virtual=True)
    words = [w["word"] for e in record.data(names.TTS_TEXT_RESULT) for w in e.body["words"]]
    starts = [w["start_ms"] for e in record.data(names.TTS_TEXT_RESULT) for w in e.body["words"]]
    assert words == ["One", "two", "three", "four", "five", "six", "seven."]
    assert starts == sorted(starts)
    assert len(switches(record)) == 1


def test_a_voice_that_stalls_in_a_clause_is_replaced_when_its_sound_runs_out() -> None:
    """Nothing is configured but the fallback: what was sent still sounds for 100 ms, and may be followed by 300 ms of silence."""

    async def script(stage: Stage) -> None:
        await say(stage, "r1", "One two three four five six seven.")

    properties = {"params": {"chunk_delay_ms": 60_000.0}, "fallback": second(chunk_ms=100)}
    record = drive("fallback_Voice", properties, script, virtual=True)
    sounds = [(e.at_ms, len(e.pcm) * 1000.0 / e.sample_rate_hz) for e in record.audio() if e.pcm is not None]
    ends_ms = sounds[0][0] + sounds[0][1]
    assert 250 < sounds[1][0] - ends_ms < 350
    assert len(switches(record)) == 1 and record.data(names.TTS_AUDIO_END)[0].body["reason"] == 1


def test_a_voice_without_a_second_one_is_restarted_when_its_worker_dies() -> None:
    async def script(stage: Stage) -> None:
        await say(stage, "r1", "Hello.")
        await say(stage, "r2", "This one dies first.")

    # Each worker starts with this list: its first request is served, its second one kills it.
    properties = {"params": {"faults": ["none", "die"]}}
    record = drive("fallback_WorkerVoice", properties, script)
    assert [e.body["reason"] for e in record.data(names.TTS_AUDIO_END)] == [1, 1]
    assert record.audio("r2")


def test_a_request_that_cannot_be_spoken_ends_with_an_error_and_the_next_one_is_served() -> None:
    async def script(stage: Stage) -> None:
        await say(stage, "r1", "Hello.")
        await say(stage, "r2", "Better.")

    record = drive("fallback_Voice", {"params": {"faults": ["fail"]}}, script, virtual=True)
    assert [e.body["reason"] for e in record.data(names.TTS_AUDIO_END)] == [3, 1]
    (error,) = record.data(names.ERROR)
    assert error.body["id"] == "r1" and error.body["code"] == names.CODE_NON_FATAL


def test_nans_of_an_engine_become_silence() -> None:
    async def script(stage: Stage) -> None:
        await say(stage, "r1", "Hello world.")

    record = drive("fallback_Voice", {"params": {"faults": ["nan"]}}, script, virtual=True)
    assert not record.data(names.ERROR)
    assert not record.pcm()[:1600].any() and record.pcm()[1600:].any()


def test_a_voice_that_cannot_load_leaves_the_work_to_the_second_one() -> None:
    async def script(stage: Stage) -> None:
        await stage.quiet_for(50)
        await say(stage, "r1", "Hello.")

    properties = {"params": {"unavailable": "no model"}, "fallback": second()}
    record = drive("fallback_Voice", properties, script, virtual=True)
    assert record.audio("r1")
    assert any("no model" in e.body["message"] for e in record.data(names.ERROR))


async def hear(stage: Stage, finalize_id: str) -> None:
    pcm = (np.sin(np.arange(16000) * 0.05) * 8000).astype(np.int16)
    await stage.speak(pcm, {"session_id": "s"})
    await stage.send_data(names.ASR_FINALIZE, {"finalize_id": finalize_id, "metadata": {}})
    await stage.wait_data(names.ASR_FINALIZE_END, lambda b: b["finalize_id"] == finalize_id)


def final_texts(record: Record) -> list[str]:
    return [e.body["text"] for e in record.data(names.ASR_RESULT) if e.body["final"]]


@pytest.mark.parametrize("fault", ["fail", "stall"])
def test_ears_that_fail_or_are_late_are_replaced_and_no_word_is_lost(fault: str) -> None:
    async def script(stage: Stage) -> None:
        await hear(stage, "one")
        await hear(stage, "two")

    properties = {"params": {"faults": [fault], "script": ["first"]}, "fallback": second(script=["second ears"])}
    record = drive("fallback_Ears", properties, script, virtual=True)
    assert final_texts(record) == ["second ears", "second ears"]
    assert len(switches(record)) == 1


def test_a_recognizer_that_dies_hears_the_same_audio_again_after_its_restart() -> None:
    async def script(stage: Stage) -> None:
        await hear(stage, "one")
        await hear(stage, "two")

    record = drive("fallback_WorkerEars", {"params": {"faults": ["none", "die"]}}, script)
    assert final_texts(record) == ["hello world", "hello world"]


def test_a_recognizer_that_never_answers_costs_one_transcript_and_not_the_session() -> None:
    async def script(stage: Stage) -> None:
        await hear(stage, "one")
        await hear(stage, "two")

    properties = {"params": {"faults": ["stall", "stall", "none"]}, "final_timeout_ms": 500.0}
    record = drive("fallback_Ears", properties, script, virtual=True)
    assert len(final_texts(record)) == 2 and len(record.data(names.ASR_FINALIZE_END)) == 2


@pytest.mark.parametrize("fault", ["fail", "stall"])
def test_a_brain_that_fails_or_is_late_is_replaced(fault: str) -> None:
    replies: list[str] = []

    async def script(stage: Stage) -> None:
        request = {"request_id": "r", "messages": [{"role": "user", "content": "hi"}], "streaming": True}
        answers = await stage.stream_cmd(names.CHAT_COMPLETION, request)
        assert answers[-1].ok
        replies.extend(a.body["content"] for a in answers if a.body.get("type") == "message_content_done")

    properties = {"params": {"faults": [fault]}, "fallback": second(script=["I stand in."])}
    record = drive("fallback_Brain", properties, script, virtual=True)
    assert replies == ["I stand in."]
    assert len(switches(record)) == 1


def test_a_brain_that_stops_in_the_middle_ends_with_an_error() -> None:
    async def script(stage: Stage) -> None:
        request = {"request_id": "r", "messages": [{"role": "user", "content": "hi"}], "streaming": True}
        answers = await stage.stream_cmd(names.CHAT_COMPLETION, request)
        assert not answers[-1].ok and "no token" in answers[-1].body["message"]
        assert len(answers) > 1

    properties = {"params": {"token_delay_ms": 5000.0}, "token_timeout_ms": 1000.0}
    drive("fallback_Brain", properties, script, virtual=True)


def test_a_brain_that_breaks_off_leaves_the_next_reply_to_the_second_one() -> None:
    replies: list[str] = []

    async def script(stage: Stage) -> None:
        for request_id in ("r1", "r2"):
            request = {"request_id": request_id, "messages": [{"role": "user", "content": "hi"}], "streaming": True}
            answers = await stage.stream_cmd(names.CHAT_COMPLETION, request)
            assert answers[-1].ok is (request_id == "r2")
            replies.append("".join(a.body["delta"] for a in answers if a.body.get("type") == "message_content_delta"))

    properties = {
        "params": {"token_delay_ms": 5000.0, "script": ["One two."]},
        "token_timeout_ms": 1000.0,
        "fallback": second(script=["I stand in."]),
    }
    record = drive("fallback_Brain", properties, script, virtual=True)
    assert replies == ["One", "I stand in."]
    assert len(switches(record)) == 1


def test_a_rested_engine_comes_back() -> None:
    told: list[str] = []
    one, two = Link("one", object(), 100.0, retry_after_ms=0.0), Link("two", object(), 100.0)
    chain = FallbackChain([one, two], told.append)
    assert chain.best() is None
    one.available = two.available = True
    assert chain.best() is one
    tried: set[str] = set()
    assert chain.failed(one, "late", tried) is two
    assert chain.failed(two, "too", tried) is None
    assert chain.best() is one
    assert told == ["one did not answer (late); two takes over", "one is back"]
