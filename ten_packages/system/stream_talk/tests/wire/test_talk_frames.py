from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.wire.frames import HEADER_BYTES, MICROPHONE, REPLY, AudioFrame, BadFrame, unwrap

COUNTER = st.integers(0, (1 << 32) - 1)


@given(st.sampled_from([MICROPHONE, REPLY]), COUNTER, COUNTER, COUNTER, st.binary(max_size=200), st.integers(0, 255))
def test_what_is_encoded_is_decoded(kind, seq, generation, position, pcm, flags):
    frame = AudioFrame(kind, seq, generation, position, pcm[: len(pcm) & ~1], flags)
    assert AudioFrame.decode(frame.encode()) == frame


@given(st.binary(max_size=100))
def test_any_bytes_are_a_frame_or_refused_with_a_sentence(data):
    try:
        frame = AudioFrame.decode(data)
    except BadFrame as bad:
        assert str(bad)
    else:
        assert frame.kind in (MICROPHONE, REPLY) and frame.samples * 2 == len(data) - HEADER_BYTES


def test_the_header_is_as_documented():
    data = AudioFrame(1, 0x01020304, 5, 0x0A0B0C0D, b"\x11\x22", 1).encode()
    assert data == bytes([1, 1, 0, 0, 4, 3, 2, 1, 5, 0, 0, 0, 0x0D, 0x0C, 0x0B, 0x0A, 0x11, 0x22])


@given(st.integers(0, 1 << 40), st.integers(-(1 << 30), 1 << 30))
def test_counters_that_wrap_are_unwrapped(near, step):
    value = max(0, near + step)
    assert unwrap(value % (1 << 32), near) == value


def test_odd_sizes_are_refused():
    with pytest.raises(BadFrame, match="odd"):
        AudioFrame.decode(bytes([1]) + bytes(16))
