"""The playout buffer: order, cuts, drafts, ramps, positions, bounds."""

import numpy as np
import pytest
from stream_talk.audio.playout import ChunkTag, PlayoutBuffer, PlayoutLimits

RATE = 16000


def tone(duration_ms: int, level: int = 8000) -> np.ndarray:
    return np.full(RATE * duration_ms // 1000, level, dtype=np.int16)


def tag(generation: int = 1, *, draft: bool = False) -> ChunkTag:
    return ChunkTag(f"reply-{generation}", generation, generation, draft)


def filled(duration_ms: int = 1000, **kwargs) -> PlayoutBuffer:
    buffer = PlayoutBuffer(RATE, **kwargs)
    buffer.push(tone(duration_ms), tag())
    return buffer


def states(buffer: PlayoutBuffer) -> list[tuple[str, int]]:
    return [(r["state"], r["played_ms"]) for r in buffer.take_reports()]


def test_plays_in_order_and_reports_start_progress_and_finish():
    buffer = filled(250)
    buffer.end_request("reply-1")
    pulled = [buffer.pull(320) for _ in range(20)]
    sound = np.concatenate(pulled)
    assert (sound[: RATE // 4] == 8000).all()
    assert not sound[RATE // 4 :].any()
    assert states(buffer) == [("started", 20), ("playing", 120), ("playing", 220), ("finished", 250)]
    assert buffer.idle


def test_a_cut_is_final_even_for_chunks_that_arrive_later():
    buffer = filled()
    buffer.pull(1600)
    buffer.take_reports()
    buffer.control("cut", 1)
    assert states(buffer) == [("dropped", 100)]
    assert not buffer.push(tone(100), tag(1))
    assert not buffer.pull(1600).any()
    assert buffer.stats.stale_samples == 1600
    assert buffer.stats.dropped_samples == RATE - 1600
    assert buffer.push(tone(100), tag(2))
    assert buffer.pull(1600).all()


def test_a_draft_stays_silent_until_it_is_released():
    buffer = PlayoutBuffer(RATE)
    buffer.push(tone(100), tag(3, draft=True))
    assert not buffer.pull(320).any()
    assert states(buffer) == []
    buffer.control("release", 3)
    buffer.push(tone(100), tag(3, draft=True))
    assert buffer.pull(3200).all()


def test_a_cut_draft_never_sounds():
    buffer = PlayoutBuffer(RATE)
    buffer.push(tone(100), tag(3, draft=True))
    buffer.control("cut", 3)
    buffer.control("release", 3)
    assert not buffer.pull(3200).any()


def test_pause_fades_out_and_resume_steps_back_to_the_word_with_a_fade_in():
    buffer = filled()
    buffer.pull(RATE // 2)
    buffer.control("pause", 1)
    fading = buffer.pull(320)
    assert fading[0] > 7000 and fading[191] < 400 and not fading[192:].any()
    assert not buffer.pull(320).any()
    assert states(buffer)[-1] == ("paused", 512)
    buffer.control("resume", 1, from_ms=400)
    back = buffer.pull(1600)
    assert 0 < back[0] < 500 and back[-1] == 8000
    assert (np.diff(back.astype(int)) >= 0).all()
    buffer.end_request("reply-1")
    buffer.pull(RATE)
    assert states(buffer)[-1] == ("finished", 1000)


def test_duck_and_unduck_move_the_volume_without_a_jump():
    buffer = filled()
    buffer.control("duck", 1, gain_db=-20.0)
    down = buffer.pull(1600)
    assert abs(int(down[-1]) - 800) < 20
    assert np.abs(np.diff(down.astype(int))).max() < 100
    buffer.control("unduck", 1)
    up = buffer.pull(1600)
    assert up[-1] == 8000 and np.abs(np.diff(up.astype(int))).max() < 100


def test_pausing_before_the_first_sample_holds_it_without_loss():
    buffer = filled(100)
    buffer.control("pause", 1)
    assert not buffer.pull(320).any()
    buffer.control("resume", 1)
    assert (buffer.pull(1600) == 8000).all()


def test_a_reply_paused_at_its_very_end_can_still_step_back():
    buffer = filled(100)
    buffer.end_request("reply-1")
    buffer.pull(1500)
    buffer.control("pause", 1)
    buffer.pull(1000)
    assert not buffer.idle
    buffer.control("resume", 1, from_ms=50)
    assert buffer.pull(1600)[-801] > 0
    assert buffer.idle


def test_memory_is_bounded_for_unheard_and_for_heard_sound():
    buffer = PlayoutBuffer(RATE, PlayoutLimits(hold_s=1.0, retain_s=0.5))
    accepted = sum(buffer.push(tone(100), tag()) for _ in range(20))
    assert accepted == 10 and buffer.stats.overflow_samples == RATE
    buffer.pull(RATE)
    assert buffer._requests[0].held <= 0.5 * RATE + 1600


def test_a_request_whose_end_was_lost_does_not_block_the_next():
    buffer = filled(100)
    buffer.pull(RATE)
    buffer.push(tone(100), tag(2))
    assert buffer.pull(1600).all()
    assert ("finished", 100) in states(buffer)


@pytest.mark.parametrize("frame", [1, 7, 160, 441, 5000])
def test_any_pull_size_gives_the_same_sound(frame):
    whole = np.arange(3000, dtype=np.int16)
    buffer = PlayoutBuffer(RATE)
    for start in range(0, 3000, 370):
        buffer.push(whole[start : start + 370].tobytes(), tag())
    got = np.concatenate([buffer.pull(frame) for _ in range(-(-3000 // frame))])[:3000]
    assert (got == whole).all()


def test_an_unknown_action_is_refused():
    with pytest.raises(KeyError):
        PlayoutBuffer(RATE).control("explode", 1)
