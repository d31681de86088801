"""The Realtime protocol's state machine: ordering, closing, errors, both dialects."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_talk.wire.realtime.dialect import event_to_beta, session_from_beta, session_to_beta
from stream_talk.wire.realtime.formats import AudioFormat
from stream_talk.wire.realtime.session_object import SessionObject

from .realtime_client import Client


def test_a_spoken_turn_and_its_reply_come_in_the_protocols_order():
    client = Client()
    client.turn()
    client.reply()
    client.sound_out()
    client.hear(type="audio_end", request_id="r1", reason="finished", total_ms=100)
    assert client.types() == [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    ids = {event["item_id"] for event in client.events if event["type"].startswith("input_audio_buffer.")}
    assert len(ids) == 1
    assert client.last("response.done")["response"]["status"] == "completed"
    assert client.last("response.output_audio_transcript.done")["transcript"] == "Not much."


def test_a_user_part_always_has_a_transcript_key():
    client = Client()
    client.turn()
    assert client.last("conversation.item.added")["item"]["content"] == [{"type": "input_audio", "transcript": None}]


def test_transcripts_come_only_when_asked_for_and_partials_only_grow():
    client = Client()
    client.send(type="session.update", session={"audio": {"input": {"transcription": {"model": "any"}}}})
    client.speak(1_000)
    client.hear(type="state", state="hearing")
    for text, stable in (("what", 0), ("what is", 4), ("what is up", 7)):
        client.hear(type="user_text", text=text, final=False, stable_chars=stable)
    client.hear(type="user_text", text="what is up", final=True, start_ms=0, duration_ms=900, source="speech")
    deltas = [e["delta"] for e in client.events if e["type"].endswith("transcription.delta")]
    assert deltas == ["what", " is"]
    assert client.last("conversation.item.input_audio_transcription.completed")["transcript"] == "what is up"


def test_an_interruption_is_announced_before_the_closing_events():
    client = Client()
    client.turn()
    client.reply()
    client.sound_out()
    client.forget()
    client.speak()
    client.hear(type="state", state="hearing")
    assert client.types() == [], "a sound during a reply is not yet an interruption"
    client.take(client.connection.on_cut(1))
    assert client.types()[0] == "input_audio_buffer.speech_started"
    assert client.types()[-1] == "response.done"
    done = client.last("response.done")["response"]
    assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
    client.forget()
    client.sound_out(generation=1)
    client.reply(generation=1)
    assert client.types() == [], "nothing of a dead reply may follow"


def test_cancel_closes_the_response_and_stops_the_conversation():
    client = Client()
    client.turn()
    client.reply()
    client.forget()
    client.send(type="response.cancel")
    assert client.asked == [{"type": "cancel_response"}]
    assert client.last("response.done")["response"]["status_details"] == {
        "type": "cancelled",
        "reason": "client_cancelled",
    }
    client.send(type="response.cancel", event_id="e7")
    error = client.last("error")["error"]
    assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "e7")


def test_truncate_cuts_at_the_last_word_that_was_heard():
    client = Client()
    client.turn()
    client.reply("one two three")
    client.sound_out(ms=900)
    words = [{"word": w, "start_ms": 300 * i, "duration_ms": 300} for i, w in enumerate(("one", "two", "three"))]
    client.hear(type="words", request_id="r1", words=words)
    client.hear(type="audio_end", request_id="r1", reason="finished", total_ms=900)
    item_id = client.last("response.output_item.done")["item"]["id"]
    client.send(type="conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=650)
    assert client.asked[-1] == {"type": "truncate", "turn_id": 1, "audio_end_ms": 650.0}
    client.send(type="conversation.item.retrieve", item_id=item_id)
    assert client.last("conversation.item.retrieved")["item"]["content"][0]["transcript"] == "one two"


def test_truncate_forgives_an_overshoot_and_refuses_a_users_item():
    client = Client()
    client.turn()
    user_id = client.last("input_audio_buffer.committed")["item_id"]
    client.reply()
    client.sound_out(ms=100)
    assistant_id = client.last("response.output_item.added")["item"]["id"]
    client.send(type="conversation.item.truncate", item_id=assistant_id, content_index=0, audio_end_ms=5_000)
    assert client.last("conversation.item.truncated")["audio_end_ms"] == 100
    client.send(type="conversation.item.truncate", item_id=user_id, content_index=0, audio_end_ms=1)
    assert client.last("error")["error"]["code"] == "unsupported_content_type"


def test_manual_mode_commits_without_speech_events():
    client = Client()
    client.send(type="session.update", session={"audio": {"input": {"turn_detection": None}}})
    assert client.asked[-1]["mode"] == "manual"
    client.forget()
    client.speak(500)
    client.hear(type="state", state="hearing")
    client.send(type="input_audio_buffer.commit")
    client.hear(type="user_text", text="hi", final=True, start_ms=0, duration_ms=400, source="speech")
    client.send(type="response.create", response={"instructions": "be brief"})
    assert client.types() == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert client.asked == [
        {"type": "commit", "respond": False},
        {"type": "create_response", "request_id": client.response_id, "instructions": "be brief"},
    ]


def test_an_empty_commit_is_refused():
    client = Client()
    client.send(type="input_audio_buffer.commit")
    assert client.last("error")["error"]["code"] == "input_audio_buffer_commit_empty"


def test_a_second_response_is_refused_while_one_is_active():
    client = Client()
    client.send(type="response.create")
    client.send(type="response.create", event_id="e1")
    error = client.last("error")["error"]
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] == "e1"
    assert client.types().count("response.created") == 1


def test_a_function_call_ends_the_response_and_its_output_starts_the_next():
    client = Client()
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "name": "weather", "description": "d", "parameters": schema}
    client.send(type="session.update", session={"tools": [tool]})
    assert client.asked[-1]["tools"][0]["parameters"] == [
        {"name": "city", "type": "string", "description": "", "required": True}
    ]
    client.turn("weather?")
    client.hear(type="tool", state="asked", name="weather", call_id="call_1", arguments={"city": "乌镇"})
    done = client.last("response.output_item.done")["item"]
    assert (done["type"], done["status"], json.loads(done["arguments"])) == (
        "function_call",
        "completed",
        {"city": "乌镇"},
    )
    assert client.last("response.done")["response"]["status"] == "completed"
    client.forget()
    client.send(
        type="conversation.item.create", item={"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
    )
    assert client.asked == []
    client.send(type="response.create")
    assert client.asked == [{"type": "tool_result", "call_id": "call_1", "output": "sunny"}]


def test_typed_items_are_remembered_and_answered_on_request():
    client = Client()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
    client.send(type="conversation.item.create", item=item)
    assert client.asked[-1]["text"] == "hello" and client.asked[-1]["respond"] is False
    assert client.types()[-2:] == ["conversation.item.added", "conversation.item.done"]


def test_text_only_sessions_get_text_and_no_sound():
    client = Client()
    client.send(type="session.update", session={"output_modalities": ["text"]})
    client.turn()
    client.reply()
    client.sound_out()
    assert "response.output_text.done" in client.types()
    assert "response.output_audio.delta" not in client.types()
    assert client.types()[-1] == "response.done"


def test_session_updated_returns_the_full_session_and_bad_updates_change_nothing():
    client = Client()
    client.send(
        type="session.update",
        session={"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}}},
    )
    detection = client.last("session.updated")["session"]["audio"]["input"]["turn_detection"]
    assert detection == {
        "type": "semantic_vad",
        "eagerness": "high",
        "create_response": True,
        "interrupt_response": True,
    }
    assert client.asked[-1]["patience"] == 0.0
    before = client.connection.session.body()
    for bad in (
        {"colour": 1},
        {"audio": {"output": {"speed": 9}}},
        {"tools": [{}]},
        {"type": "transcription"},
        [],
        {"audio": 3},
    ):
        client.send(type="session.update", session=bad)
        assert client.events[-1]["type"] == "error"
    assert client.connection.session.body() == before


def test_audio_split_inside_a_sample_is_put_together():
    client = Client()
    pcm = np.arange(100, dtype="<i2").tobytes()
    for part in (pcm[:33], pcm[33:50], pcm[50:]):
        client.send(type="input_audio_buffer.append", audio=base64.b64encode(part).decode())
    assert b"".join(m.pcm for m in client.sound) == pcm


def test_telephone_formats_survive_a_round_trip():
    tone = (8_000 * np.sin(np.arange(8_000) / 10)).astype("<i2")
    for kind in ("audio/pcmu", "audio/pcma"):
        law = AudioFormat(kind, 8_000)
        back = np.frombuffer(law.decode(law.encode(tone.tobytes())), dtype="<i2").astype(float)
        noise = back - tone
        assert 10 * np.log10(np.mean(tone.astype(float) ** 2) / np.mean(noise**2)) > 30
    assert AudioFormat("audio/pcmu", 8_000).decode(b"\xff\x7f") == b"\x00\x00\x00\x00"


def test_a_failing_conversation_fails_the_response_and_says_why():
    client = Client()
    client.send(type="response.create")
    client.hear(type="notice", level="error", code="llm", text="The model cannot be reached.")
    assert client.last("response.done")["response"]["status"] == "failed"
    assert client.last("error")["error"]["message"] == "The model cannot be reached."


def test_beta_clients_get_their_own_names_and_shapes():
    assert event_to_beta({"type": "conversation.item.done", "item": {}}) is None
    item = {"id": "i", "content": [{"type": "output_audio", "transcript": ""}]}
    created = event_to_beta({"type": "conversation.item.added", "item": item})
    assert created == {
        "type": "conversation.item.created",
        "item": {"id": "i", "content": [{"type": "audio", "transcript": ""}]},
    }
    session = SessionObject("s", "m", "alloy", 0)
    flat = session_to_beta(session.body())
    assert flat["input_audio_format"] == "pcm16" and flat["modalities"] == ["text", "audio"]
    session.update(
        session_from_beta({"modalities": ["text"], "turn_detection": None, "output_audio_format": "g711_ulaw"})
    )
    assert session.is_manual and session.is_text_only and session.output_format.type == "audio/pcmu"


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
_NAMES = st.sampled_from(
    "audio input output format rate type turn_detection threshold prefix_padding_ms silence_duration_ms eagerness voice id speed tools"
    " name parameters properties required transcription language output_modalities instructions content text role call_id metadata".split()
)
_WORDS = st.sampled_from(
    "server_vad semantic_vad audio/pcm audio/pcmu function message user input_text high auto realtime".split()
)
_JSON = st.recursive(
    _SCALARS | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_TYPES = st.sampled_from(
    [
        "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
        "conversation.item.create", "conversation.item.retrieve", "conversation.item.delete", "conversation.item.truncate",
        "response.create", "response.cancel", "nonsense",
    ]
)  # fmt: skip
_FIELDS = st.sampled_from(
    ["session", "audio", "item", "item_id", "audio_end_ms", "response", "previous_item_id", "event_id"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(_TYPES, st.dictionaries(_FIELDS, _JSON, max_size=4)), max_size=8))
def test_whatever_a_client_sends_is_answered_and_every_response_closes_once(messages):
    client = Client()
    for kind, fields in messages:
        client.send(type=kind, **fields)
    client.speak(200)
    client.turn()
    client.take(client.connection.on_cut(1_000, client.response_id))
    created = [e["response"]["id"] for e in client.events if e["type"] == "response.created"]
    done = [e["response"]["id"] for e in client.events if e["type"] == "response.done"]
    assert sorted(created) == sorted(done)


@pytest.mark.parametrize("text", ["", "nope", "[]", "null", '{"type": 5}', "{" * 5_000, '{"type":"\\ud800"}'])
def test_what_is_not_a_message_gets_an_error_event(text):
    client = Client()
    client.take(client.connection.receive(text))
    assert client.events[-1]["type"] == "error"
