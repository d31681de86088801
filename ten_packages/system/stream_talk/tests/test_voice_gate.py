from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.audio.voice_gate import GateSettings, VoiceChange, VoiceEvent, VoiceGate

HOP_MS = 16.0
SETTINGS = GateSettings(prefix_padding_ms=96, silence_duration_ms=200, gap_tolerance_ms=48)


def run(probabilities: list[float | None], settings: GateSettings = SETTINGS) -> list[VoiceEvent]:
    gate = VoiceGate(settings, HOP_MS)
    stepped = [gate.step(p, i * HOP_MS) for i, p in enumerate(probabilities)]
    return [event for event in stepped if event is not None]


def test_start_and_end_carry_the_times_of_voice_not_of_the_decision() -> None:
    start, end = run([0.0] * 10 + [0.9] * 20 + [0.0] * 20)
    assert (start.change, start.timestamp_ms, start.decided_ms) == (VoiceChange.START, 160.0, 160.0 + 96.0)
    assert (end.change, end.timestamp_ms) == (VoiceChange.END, 30 * HOP_MS)
    assert end.decided_ms == 30 * HOP_MS + 208.0  # 13 hops are the first 200 ms or more
    assert start.probability == pytest.approx(0.9)


def test_a_short_burst_is_not_speech() -> None:
    assert run([0.9] * 5 + [0.0] * 30) == []


def test_a_stop_consonant_does_not_restart_the_onset() -> None:
    start = run([0.9] * 3 + [0.1] * 3 + [0.9] * 3)[0]
    assert start.timestamp_ms == 0.0


def test_a_longer_hole_does_restart_the_onset() -> None:
    start = run([0.9] * 3 + [0.1] * 4 + [0.9] * 6)[0]
    assert start.timestamp_ms == 7 * HOP_MS


def test_hysteresis_keeps_a_trailing_vowel() -> None:
    events = run([0.9] * 10 + [0.4] * 20 + [0.0] * 13)
    assert events[1].timestamp_ms == 30 * HOP_MS


def test_a_click_inside_the_silence_does_not_prolong_the_turn() -> None:
    events = run([0.9] * 10 + [0.0] * 6 + [0.9] + [0.0] * 8)
    assert events[1].timestamp_ms == 10 * HOP_MS


def test_speech_that_goes_on_after_a_pause_is_one_sentence() -> None:
    events = run([0.9] * 10 + [0.0] * 10 + [0.9] * 10 + [0.0] * 13)
    assert [event.change for event in events] == [VoiceChange.START, VoiceChange.END]
    assert events[1].timestamp_ms == 30 * HOP_MS


@pytest.mark.parametrize("undecided", [None, -1.0, math.nan])
def test_no_decision_changes_nothing_for_a_while(undecided: float | None) -> None:
    assert len(run([0.9] * 10 + [undecided] * 20 + [0.9] * 5)) == 1


def test_a_dead_engine_does_not_hold_the_turn_for_ever() -> None:
    assert run([0.9] * 10 + [None] * 100)[-1].change is VoiceChange.END


def test_missing_media_time_counts_as_silence() -> None:
    gate = VoiceGate(SETTINGS, HOP_MS)
    for hop in range(10):
        gate.step(0.9, hop * HOP_MS)
    event = gate.step(0.9, 5000.0)
    assert event is not None and event.change is VoiceChange.END and event.timestamp_ms == 160.0


def test_the_bar_can_be_raised_while_our_own_voice_plays() -> None:
    gate = VoiceGate(SETTINGS, HOP_MS)
    gate.set_threshold(0.95)
    assert [gate.step(0.9, hop * HOP_MS) for hop in range(20)] == [None] * 20
    gate.set_threshold(0.5)
    assert any(gate.step(0.9, hop * HOP_MS) for hop in range(20, 40))


def test_finish_ends_an_open_sentence_only() -> None:
    gate = VoiceGate(SETTINGS, HOP_MS)
    assert gate.finish() is None
    for hop in range(10):
        gate.step(0.9, hop * HOP_MS)
    event = gate.finish()
    assert event is not None and event.timestamp_ms == 160.0
    assert not gate.speaking


@pytest.mark.parametrize(
    "bad", [{"vad_threshold": 1.5}, {"silence_duration_ms": -1}, {"vad_threshold": 0.4, "release_threshold": 0.6}]
)
def test_settings_that_cannot_work_say_what_to_write(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="write"):
        GateSettings(**bad)


@given(st.lists(st.one_of(st.none(), st.floats(-1, 1)), max_size=300))
def test_starts_and_ends_alternate_and_times_never_run_backwards(probabilities: list[float | None]) -> None:
    events = run(probabilities)
    assert [event.change for event in events] == [VoiceChange.START, VoiceChange.END][:2] * (len(events) // 2) + (
        [VoiceChange.START] if len(events) % 2 else []
    )
    times = [event.timestamp_ms for event in events]
    assert times == sorted(times)
    assert all(event.timestamp_ms <= event.decided_ms for event in events)
