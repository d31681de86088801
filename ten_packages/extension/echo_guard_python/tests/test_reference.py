"""What the loudspeaker plays, on the microphone's clock."""

from __future__ import annotations

import numpy as np
import pytest

from ..reference import PlaybackReference

PER_MS = 16


def ramp(milliseconds: int, start: int = 1) -> np.ndarray:
    return (np.arange(milliseconds * PER_MS) % 30000 + start).astype(np.int16)


@pytest.fixture
def reference() -> PlaybackReference:
    reference = PlaybackReference(lead_ms=0)
    reference.push("a", 1, ramp(500))
    reference.push("a", 1, ramp(500))
    return reference


def test_nothing_sounds_before_it_is_reported(reference: PlaybackReference) -> None:
    reference.report("other", 0, 0, "paused")
    assert not reference.pull(320).any() and not reference.playing


def test_sound_runs_with_the_microphone_between_reports(reference: PlaybackReference) -> None:
    reference.report("a", 1, 100, "playing")
    heard = np.concatenate([reference.pull(160) for _ in range(20)])
    assert np.array_equal(heard, ramp(500)[100 * PER_MS : 300 * PER_MS])


def test_jitter_of_reports_does_not_move_it_but_a_seek_does(reference: PlaybackReference) -> None:
    reference.report("a", 1, 0, "started")
    reference.pull(100 * PER_MS)
    reference.report("a", 1, 115, "playing")
    assert reference.pull(1)[0] == ramp(500)[100 * PER_MS]
    reference.report("a", 1, 300, "playing")
    assert reference.pull(1)[0] == ramp(500)[300 * PER_MS]


def test_pause_is_silence_and_resume_may_step_back(reference: PlaybackReference) -> None:
    reference.report("a", 1, 0, "started")
    reference.pull(400 * PER_MS)
    reference.report("a", 1, 400, "paused")
    assert not reference.pull(1600).any()
    reference.report("a", 1, 250, "playing")
    assert reference.pull(1)[0] == ramp(500)[250 * PER_MS]


def test_a_cut_kills_its_generation_and_older_ones(reference: PlaybackReference) -> None:
    reference.report("a", 1, 0, "started")
    reference.push("b", 2, ramp(100))
    reference.report("a", 1, 50, "dropped")
    assert not reference.pull(1600).any()
    reference.push("a", 1, ramp(500))
    reference.report("a", 1, 0, "playing")
    assert not reference.pull(1600).any(), "late sound of a dead generation"
    reference.report("b", 2, 0, "started")
    assert reference.pull(160).any()


def test_it_ends_with_its_samples(reference: PlaybackReference) -> None:
    reference.report("a", 1, 990, "playing")
    heard = reference.pull(20 * PER_MS)
    assert heard[: 10 * PER_MS].all() and not heard[10 * PER_MS :].any()


def test_without_reports_sound_is_taken_to_play_from_its_arrival() -> None:
    reference = PlaybackReference(lead_ms=0)
    reference.push("a", 1, ramp(2000))
    heard = np.concatenate([reference.pull(320) for _ in range(50)])
    assert not heard[: 180 * PER_MS].any() and heard[220 * PER_MS :].all()
    assert heard[500 * PER_MS] == pytest.approx(int(ramp(2000)[500 * PER_MS]), abs=40 * PER_MS)


def test_memory_is_bounded() -> None:
    reference = PlaybackReference()
    reference.report("r0", 0, 0, "started")
    for minute in range(20):
        reference.push(f"r{minute}", minute, ramp(1000))
    assert len(reference._sounds) <= 4
    reference.report("r19", 19, 0, "started")
    for _ in range(60):
        reference.push("r19", 19, ramp(1000))
        reference.pull(1000 * PER_MS)
    assert sum(len(chunk) for chunk in reference._sounds["r19"]._chunks) < 6 * 16000
