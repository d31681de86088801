from __future__ import annotations

import pytest
from stream_talk.engines.token_schedule import TokenSchedule


def test_steps_grow_and_the_last_one_repeats():
    schedule = TokenSchedule((10, 15, 25))
    wanted = []
    for _ in range(5):
        wanted.append(schedule.wanted)
        schedule.advance()
    assert wanted == [10, 15, 25, 25, 25]


def test_look_ahead_is_waited_for():
    schedule = TokenSchedule((10,), look_ahead=3)
    assert not schedule.is_due(12)
    assert schedule.is_due(13)


@pytest.mark.parametrize("steps", [(), (0,), (5, -1)])
def test_a_schedule_that_could_never_speak_is_refused(steps):
    with pytest.raises(ValueError, match="at least one"):
        TokenSchedule(steps)
