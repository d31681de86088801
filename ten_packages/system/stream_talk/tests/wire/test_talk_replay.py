"""Resume as pure bookkeeping: whatever was sent and wherever the line broke, the client ends up with everything, once, in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.wire.frames import REPLY, AudioFrame
from stream_talk.wire.replay import ReplayBuffer, ReplayGap, SentText

RATE_HZ = 1000


def _buffer(kinds: list[bool], **limits) -> tuple[ReplayBuffer, list[SentText | AudioFrame]]:
    replay, sent, position = ReplayBuffer(RATE_HZ, **limits), [], 0
    for is_sound in kinds:
        seq = replay.next_seq()
        if is_sound:
            item = AudioFrame(REPLY, seq, 1, position, bytes([seq % 256, 0] * 20))
            position += 20
        else:
            item = SentText(seq, f"message {seq}")
        replay.add(item)
        sent.append(item)
    return replay, sent


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.data())
def test_after_a_break_anywhere_the_rest_comes_once_and_in_order(kinds, data):
    replay, sent = _buffer(kinds)
    got = data.draw(st.integers(0, len(sent)))
    assert replay.after(got) == sent[got:]


@given(st.integers(1, 40), st.data())
def test_a_reply_is_taken_up_at_exactly_the_sample_that_was_played(frames, data):
    replay, sent = _buffer([True] * frames)
    total = 20 * frames
    played = data.draw(st.integers(0, total))
    last_seq = data.draw(st.integers(0, frames))
    again = [i for i in replay.after_played(last_seq, 1, played) if isinstance(i, AudioFrame)]
    whole = b"".join(i.pcm for i in sent)
    assert b"".join(i.pcm for i in again) == whole[2 * played :]
    assert [i.position for i in again][:1] in ([], [played])
    assert [i.seq for i in again] == sorted({i.seq for i in again})


@given(st.lists(st.booleans(), min_size=30, max_size=120), st.integers(0, 130))
def test_what_is_kept_is_bounded_and_a_gap_is_never_papered_over(kinds, last_seq):
    replay, sent = _buffer(kinds, max_audio_ms=200, max_text_chars=100)
    assert replay.held_audio_ms <= 200
    try:
        again = replay.after(last_seq)
    except ReplayGap:
        return
    assert again == sent[last_seq:]


def test_numbers_must_follow_each_other():
    replay = ReplayBuffer(RATE_HZ)
    with pytest.raises(ValueError, match="expected seq 1"):
        replay.add(SentText(2, "x"))


def test_a_client_cannot_have_what_was_never_sent():
    with pytest.raises(ReplayGap):
        ReplayBuffer(RATE_HZ).after(1)
