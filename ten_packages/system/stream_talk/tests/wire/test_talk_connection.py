"""The protocol's rules on one socket, fed with anything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_talk.wire import client_events, talk_messages
from stream_talk.wire.frames import MICROPHONE, REPLY, AudioFrame
from stream_talk.wire.talk import CloseReason, MicrophoneStream, Refused, TalkConnection, TalkLimits, closing, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
TYPES = [
    "hello",
    "resume",
    "ping",
    "playout",
    "ack",
    "graph",
    "stats",
    "bye",
    "stop",
    "text",
    "mute",
    "settings",
    "truncate",
]
FIELDS = [
    "protocol",
    "text",
    "on",
    "seq",
    "generation",
    "played_ms",
    "state",
    "name",
    "rate",
    "turn_id",
    "client_ts_ms",
]


def _open() -> TalkConnection:
    connection = TalkConnection()
    connection.opened(16_000)
    return connection


@settings(max_examples=300)
@given(
    st.text(max_size=300)
    | JSON.map(lambda v: json.dumps(v))
    | st.binary(max_size=100).map(lambda b: b.decode("latin-1"))
)
def test_any_text_is_a_message_or_refused(text):
    received = _open().receive_text(text, 0.0)
    if isinstance(received, Refused):
        assert received.answer["type"] == "error" and received.answer["text"] and received.close is None


@settings(max_examples=300)
@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
def test_wrong_fields_are_refused_and_right_ones_understood(kind, fields):
    received = _open().receive_text(json.dumps({**fields, "type": kind}), 0.0)
    assert isinstance(received, Refused) or received.type == kind
    if isinstance(received, client_events.Event):
        json.dumps(received.to_client_event(), allow_nan=False)


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_microphone_frame_or_refused(data):
    received = _open().receive_bytes(data, 0.0)
    assert isinstance(received, Refused) or (isinstance(received, AudioFrame) and received.kind == MICROPHONE)


def test_nothing_is_understood_before_hello():
    for first in ('{"type":"stop"}', '{"type":"ping","client_ts_ms":1}', "nonsense"):
        refused = TalkConnection().receive_text(first, 0.0)
        assert isinstance(refused, Refused) and refused.close is CloseReason.MALFORMED and refused.answer["fatal"]
    refused = TalkConnection().receive_bytes(AudioFrame(MICROPHONE, 1, 0, 0, b"\0\0").encode(), 0.0)
    assert isinstance(refused, Refused) and refused.close is CloseReason.MALFORMED


def test_hello_has_defaults_and_a_second_one_is_refused():
    hello = TalkConnection().receive_text('{"type":"hello","protocol":1}', 0.0)
    assert isinstance(hello, talk_messages.Hello)
    assert hello.input.sample_rate_hz == 16_000 and hello.output.sample_rate_hz == 24_000
    assert isinstance(_open().receive_text('{"type":"hello","protocol":1}', 0.0), Refused)


def test_unknown_fields_are_ignored():
    received = _open().receive_text('{"type":"text","text":"hi","new":{"a":1}}', 0.0)
    assert isinstance(received, client_events.Text) and received.to_client_event() == {"type": "text", "text": "hi"}


def test_a_frame_of_the_wrong_kind_or_size_is_refused():
    connection = _open()
    assert isinstance(connection.receive_bytes(AudioFrame(REPLY, 1, 0, 0, b"\0\0").encode(), 0.0), Refused)
    assert isinstance(connection.receive_bytes(AudioFrame(MICROPHONE, 1, 0, 0, b"").encode(), 0.0), Refused)
    assert isinstance(connection.receive_bytes(AudioFrame(MICROPHONE, 1, 0, 0, bytes(48_002)).encode(), 0.0), Refused)


def test_sound_may_come_in_a_burst_but_not_for_ever_faster_than_time():
    connection = TalkConnection(TalkLimits(audio_burst_s=2.0))
    connection.opened(16_000)
    frame = AudioFrame(MICROPHONE, 1, 0, 0, bytes(3200)).encode()
    verdicts = [isinstance(connection.receive_bytes(frame, 0.0), AudioFrame) for _ in range(25)]
    assert verdicts == [True] * 20 + [False] * 5
    assert isinstance(connection.receive_bytes(frame, 1000.0), AudioFrame), "time brings room"


def test_the_twentieth_refusal_within_ten_seconds_is_fatal():
    connection = _open()
    refusals = [connection.receive_text("x", 400.0 * n) for n in range(20)]
    assert [r.close for r in refusals] == [None] * 19 + [CloseReason.MALFORMED]
    patient = _open()
    assert all(patient.receive_text("x", 600.0 * n).close is None for n in range(100))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_microphone_sound_is_taken_once_in_order_with_its_gaps(steps):
    """Each step repeats some frames (a careful client after a break) and loses some."""
    stream, next_seq, position, heard = MicrophoneStream(16_000), 1, 0, []
    sent: list[AudioFrame] = []
    for repeat, lost in steps:
        for frame in sent[len(sent) - repeat :] if repeat else []:
            assert stream.accept(frame) is None
        position += lost * 320 if sent else 0
        frame = AudioFrame(MICROPHONE, next_seq, 0, position, bytes(640))
        chunk = stream.accept(frame)
        assert chunk is not None and chunk.position == position
        assert chunk.gap_samples == (min(lost * 320, 16_000) if sent else 0)
        heard.append(chunk.position)
        sent.append(frame)
        next_seq, position = next_seq + 1, position + 320
    assert heard == sorted(heard)


@pytest.mark.parametrize("reason", list(CloseReason))
def test_every_end_is_told_in_a_message_of_its_own(reason):
    words = closing(reason, "Because.")
    assert words["type"] in ("bye", "error") and words["text"] == "Because."
    assert json.loads(encode(words))["type"] == words["type"]
    assert 1000 <= reason.close_code < 5000


def test_seq_comes_right_after_the_type():
    assert encode({"text": "中文", "type": "notice"}, 7) == '{"type":"notice","seq":7,"text":"中文"}'
