"""A short piece of the long run (`stream-talk bench soak` does hours): nothing lost, the same result twice."""

import pytest

from bench.soak import soak


@pytest.mark.slow
def test_minutes_of_conversation_lose_no_turn_and_repeat_exactly():
    first, second = soak(0.08, seed=3), soak(0.08, seed=3)
    assert first.asked >= 25
    assert first.lost_turns == 0 and first.notices == 0
    assert first.interrupted >= 5
    assert first.digest == second.digest
    assert soak(0.02, seed=4).digest != soak(0.02, seed=5).digest
