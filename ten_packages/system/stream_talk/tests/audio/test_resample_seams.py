"""Resampling in chunks is resampling as a whole; seams neither click nor dip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_talk.audio.activity import ActivityGate
from stream_talk.audio.pcm import to_pcm16
from stream_talk.audio.resample import StreamResampler, resample_whole
from stream_talk.audio.seams import EdgeJoiner, OverlapJoiner
from stream_talk.audio.timeline import MediaTimeline

CLICK_DBFS = -50.0


def sine(samples: int, hz: float = 300.0, rate_hz: int = 16000, level: float = 0.5) -> np.ndarray:
    return (np.sin(2 * np.pi * hz * np.arange(samples) / rate_hz) * level).astype(np.float32)


def distance_db(one: np.ndarray, other: np.ndarray) -> float:
    """Level of the difference, relative to full scale."""
    difference = one.astype(np.float64) - other.astype(np.float64)
    return 20 * np.log10(max(1e-9, float(np.abs(difference).max())))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=20),
    st.sampled_from([(48000, 16000), (16000, 24000), (22050, 16000)]),
)
def test_chunks_give_what_the_whole_gives(sizes: list[int], rates: tuple[int, int]) -> None:
    pcm = to_pcm16(sine(sum(sizes), rate_hz=rates[0]))
    whole, chunked = StreamResampler(*rates), StreamResampler(*rates)
    expected = np.concatenate([whole.process(pcm), whole.flush()])
    pieces, position = [], 0
    for size in sizes:
        pieces.append(chunked.process(pcm[position : position + size]))
        position += size
    result = np.concatenate([*pieces, chunked.flush()])
    assert len(result) == len(expected) == round(len(pcm) * rates[1] / rates[0])
    assert np.abs(result.astype(int) - expected.astype(int)).max(initial=0) <= 1


def test_resampling_keeps_the_tone() -> None:
    pcm = to_pcm16(sine(48000, rate_hz=48000))
    live = StreamResampler(48000, 16000)
    result = np.concatenate([live.process(pcm), live.flush()])
    reference = to_pcm16(sine(16000))
    assert distance_db(result[500:-500] / 32768, reference[500:-500] / 32768) < CLICK_DBFS + 20
    assert abs(len(resample_whole(pcm, 48000, 16000)) - 16000) <= 1


def test_equal_rates_cost_nothing_and_change_nothing() -> None:
    pcm = to_pcm16(sine(100))
    same = StreamResampler(16000, 16000)
    assert same.process(pcm) is pcm and len(same.flush()) == 0


@pytest.mark.parametrize("piece_samples", [800, 1000, 2000])
def test_overlapping_pieces_join_like_one_rendering(piece_samples: int) -> None:
    """Each piece renders its overlap anew: the joined sound is the unsplit one, to far below -50 dB."""
    overlap, whole = 320, sine(20000)
    joiner, out, position = OverlapJoiner(overlap), [], 0
    while position < len(whole):
        out.append(joiner.push(whole[max(0, position - overlap) : position + piece_samples]))
        position += piece_samples
    out.append(joiner.flush())
    joined = np.concatenate(out)
    assert len(joined) == len(whole)
    assert distance_db(joined, whole) < -100


def test_pieces_that_differ_a_little_join_without_a_click() -> None:
    """A vocoder decodes the overlap a little differently each time: the seam must not add a step of its own."""
    overlap, whole = 480, sine(6000)
    joiner = OverlapJoiner(overlap)
    first, second = whole[:3000].copy(), whole[3000 - overlap :] * np.float32(0.97)
    joined = np.concatenate([joiner.push(first), joiner.push(second), joiner.flush()])
    steps, natural = np.abs(np.diff(joined)), np.abs(np.diff(whole)).max()
    assert steps.max() <= natural * 1.02
    level = np.sqrt(np.convolve(joined**2, np.ones(160) / 160, "valid"))
    assert level.min() > 0.9 * 0.95 * level.max()


def test_what_was_cut_never_sounds() -> None:
    joiner = OverlapJoiner(100)
    joiner.push(sine(500))
    assert joiner.held_samples == 100
    joiner.drop()
    assert len(joiner.flush()) == 0


def test_short_pieces_and_nans_do_no_harm() -> None:
    joiner = OverlapJoiner(100)
    pieces = [np.full(30, np.nan, np.float32), sine(10), sine(500), np.zeros(0, np.float32)]
    joined = np.concatenate([*(joiner.push(p) for p in pieces), joiner.flush()])
    assert np.isfinite(joined).all()


def test_unrelated_pieces_are_faded_at_their_edges() -> None:
    joiner, out = EdgeJoiner(80), []
    for _ in range(3):
        joiner.begin()
        out += [joiner.push(np.full(50, 0.5, np.float32)) for _ in range(10)]
        out.append(joiner.end())
    joined = np.concatenate(out)
    assert len(joined) == 1500
    assert np.abs(np.diff(joined)).max() <= 0.5 / 80 + 1e-6
    assert joined[100:400] == pytest.approx(0.5)


def test_a_timeline_follows_gaps() -> None:
    timeline = MediaTimeline(16000)
    timeline.add(1600, 1000.0)
    timeline.add(1600, 1100.0)
    timeline.add(1600, 3000.0)
    assert timeline.start_ms == 1000.0
    assert [timeline.media_ms(t) for t in (0, 150, 200, 250)] == [1000, 1150, 3000, 3050]
    assert timeline.duration_ms == 300


def test_the_gate_wakes_for_speech_and_sleeps_through_noise() -> None:
    gate, random = ActivityGate(16000), np.random.default_rng(3)

    def noise(level: float) -> np.ndarray:
        return (random.standard_normal(320) * level).astype(np.int16)

    for _ in range(3000):  # a minute of room noise at -55 dBFS: the floor has risen to it
        gate.step(noise(58))
    gate.rest()
    assert not any(gate.step(noise(58)) for _ in range(50))
    assert gate.step(noise(1000))
    for _ in range(50):
        gate.step(noise(58))
    assert gate.silence_ms == 1000
