"""The graphs that need no download: each is sound, and each makes another conversation out of the same code."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from stream_talk import clock
from stream_talk.graph import resolve_graph
from stream_talk.graph.check import check_file

from tests import speech
from tests.speech.session import GRAPHS, Session, converse

VARIANTS = ["embedded", "embedded-no-echo-guard", "embedded-silero", "push-to-talk", "text-only", "chinese-voice"]
TEXT_PORTS = {
    ("data_in", "client_event"),
    ("data_out", "playout_control"),
    ("data_out", "message"),
    ("cmd_out", "flush"),
}
SPEECH_PORTS = {
    ("audio_frame_in", "pcm_frame"),
    ("audio_frame_out", "pcm_frame"),
    ("data_in", "playout_report"),
    ("data_out", "tts_audio_start"),
    ("data_out", "tts_audio_end"),
}


def addons(graph: str) -> dict[str, str]:
    return {node.name: node.addon for node in resolve_graph(GRAPHS / f"{graph}.json").nodes}


def spoken(name: str = "conf-kicked") -> np.ndarray:
    speech.require()
    return np.concatenate([speech.trimmed(speech.pcm(name)), np.zeros(4000, np.int16)])


def is_final_user_text(message: dict[str, Any]) -> bool:
    return message["type"] == "user_text" and bool(message["final"])


async def past_the_greeting(session: Session) -> None:
    await session.event("hello")
    await session.until(lambda m: m["type"] == "heard" and m["turn_id"] == 0)


# --- the files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", VARIANTS)
def test_the_graph_is_sound(graph: str) -> None:
    assert [problem.line() for problem in check_file(GRAPHS / f"{graph}.json")] == []


@pytest.mark.parametrize("graph", VARIANTS)
def test_the_graph_has_the_ports_that_hosts_speak_through(graph: str) -> None:
    ports = {(port.type, port.name) for port in resolve_graph(GRAPHS / f"{graph}.json").exposed_messages}
    assert ports >= TEXT_PORTS
    assert (ports >= SPEECH_PORTS) is (graph != "text-only")


@pytest.mark.parametrize("graph", VARIANTS)
def test_the_graph_tells_people_what_it_is_in_both_languages(graph: str) -> None:
    about = json.loads((GRAPHS / f"{graph}.json").read_text("utf-8"))["stream_talk"]
    assert all(about[key][language] for key in ("title", "description") for language in ("en", "zh"))


def test_variants_change_what_they_say_and_nothing_else() -> None:
    base = addons("embedded")
    assert (
        base.items()
        >= {
            "echo_guard": "echo_guard_python",
            "vad": "ten_vad_python",
            "turn_detection": "turn_detection_python",
            "stt": "pocketsphinx_asr_python",
            "main_control": "main_control_python",
            "llm": "rules_llm_python",
            "tts": "espeak_tts_python",
            "timer": "timer_tool_python",
            "message_collector": "message_collector_python",
        }.items()
    )
    assert addons("embedded-silero") == {**base, "vad": "silero_vad_python"}
    assert addons("push-to-talk") == addons("chinese-voice") == base
    assert addons("embedded-no-echo-guard") == {k: v for k, v in base.items() if k != "echo_guard"}
    silent = {"echo_guard", "vad", "turn_detection", "stt", "tts"}
    assert addons("text-only") == {k: v for k, v in base.items() if k not in silent}


# --- the conversations ----------------------------------------------------------------------------------------------


@pytest.mark.speech
@pytest.mark.parametrize("graph", ["embedded", "embedded-no-echo-guard", "embedded-silero"])
def test_a_person_speaks_and_is_answered(graph: str) -> None:
    speech.require()

    async def script(session: Session) -> None:
        await past_the_greeting(session)
        session.heard.clear()
        session.speak(spoken())
        said = await session.until(is_final_user_text)
        assert "conference" in said["text"] and said["source"] == "speech"
        answer = await session.reply()
        assert len(answer["heard_text"].split()) > 2 and not answer["interrupted"]
        assert session.loudness > 3000
        partials = [m for m in session.messages if m["type"] == "user_text" and not m["final"]]
        assert len(partials) >= 3, "words appear while the person speaks"
        trace = next(m["trace"] for m in session.messages if m["type"] == "turn" and m["turn_id"] == answer["turn_id"])
        assert trace["ttfa_ms"] < 1000 and trace["endpoint_ms"] < 1000
        assert any(m["type"] == "viseme" for m in session.messages)

    converse(graph, script)


ANNOUNCEMENT = (
    "This is a rather long announcement. It has several sentences. Nobody is going to interrupt it. Now it is over."
)


def took_itself_for_a_person(session: Session) -> bool:
    return any(m["type"] == "user_text" or m.get("state") in ("hearing", "paused") for m in session.messages)


def test_our_own_voice_from_an_open_loudspeaker_disturbs_nothing() -> None:
    async def script(session: Session) -> None:
        session.echo_gain = 0.25
        await past_the_greeting(session)
        await clock.sleep_ms(1000)
        await session.event("say", text=ANNOUNCEMENT)
        heard = await session.until(lambda m: m["type"] == "heard" and "announcement" in m["heard_text"])
        assert heard["heard_text"].endswith("Now it is over.") and not heard["interrupted"]
        assert not took_itself_for_a_person(session)

    converse("embedded", script)


def test_without_the_echo_guard_it_would() -> None:
    async def script(session: Session) -> None:
        await past_the_greeting(session)
        session.echo_gain = 0.25
        await session.event("say", text=ANNOUNCEMENT)
        await session.until(lambda _: took_itself_for_a_person(session))

    converse("embedded-no-echo-guard", script)


@pytest.mark.speech
def test_push_to_talk_hears_only_while_the_key_is_down() -> None:
    speech.require()

    async def script(session: Session) -> None:
        await past_the_greeting(session)
        session.speak(spoken())
        with pytest.raises(AssertionError, match="in vain"):
            await session.until(lambda m: m["type"] == "heard" and m["turn_id"] > 0, 6000)
        await session.event("push_to_talk", down=True)
        session.speak(spoken("conf-muted"))
        with pytest.raises(AssertionError, match="in vain"):
            await session.until(lambda m: m["type"] == "heard" and m["turn_id"] > 0, 5000)
        await session.event("push_to_talk", down=False)
        answer = await session.reply()
        assert answer["heard_text"]

    converse("push-to-talk", script)


def test_text_only_answers_in_writing_and_makes_no_sound() -> None:
    async def script(session: Session) -> None:
        await session.event("hello")
        await session.event("text", text="What is two plus three?", id="1")
        answer = await session.until(
            lambda m: m["type"] == "assistant_text" and m["final"] and "five" in _digits(m["text"])
        )
        assert answer["turn_id"] > 0
        assert session.loudness == 0

    converse("text-only", script)


def test_chinese_is_answered_in_chinese_and_spoken() -> None:
    async def script(session: Session) -> None:
        await past_the_greeting(session)
        session.heard.clear()
        await session.event("text", text="你好，你是谁？", id="1")
        answer = await session.reply()
        assert sum("\u4e00" <= character <= "\u9fff" for character in answer["heard_text"]) >= 4
        assert session.loudness > 3000
        words = [w["word"] for m in session.messages if m["type"] == "words" for w in m["words"]]
        assert any("\u4e00" <= word[0] <= "\u9fff" for word in words)

    converse("chinese-voice", script)


def _digits(text: str) -> str:
    return text.lower().replace("5", "five")
