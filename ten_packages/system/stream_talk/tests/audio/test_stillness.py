"""Silence about which no network is asked."""

from __future__ import annotations

import numpy as np
import pytest
from stream_talk.audio.stillness import SETTLE_MS, Stillness

HOP_MS = 16.0


def hop(*, peak: int = 0) -> np.ndarray:
    samples = np.zeros(256, np.int16)
    samples[100] = peak
    return samples


@pytest.mark.parametrize(
    ("peak", "still"), [(0, True), (16, True), (-16, True), (17, False), (-17, False), (-32768, False)]
)
def test_one_louder_sample_is_enough(peak: int, still: bool) -> None:
    assert Stillness(-66.0).has(hop(peak=peak), HOP_MS) is still


def test_a_silence_is_settled_only_after_a_while_and_anew_after_every_sound() -> None:
    stillness = Stillness(-66.0)
    for _ in range(2):
        shown = 0
        while stillness.has(hop(), HOP_MS) and not stillness.is_settled:
            shown += 1
        assert shown == SETTLE_MS / HOP_MS
        assert not stillness.has(hop(peak=500), HOP_MS)
        assert not stillness.is_settled


def test_with_a_floor_below_one_step_only_exact_zeros_are_still() -> None:
    assert not Stillness(-120.0).has(hop(peak=1), HOP_MS)
    assert Stillness(-120.0).has(hop(), HOP_MS)
