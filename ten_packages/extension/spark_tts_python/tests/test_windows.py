"""The windowing alone: no model, no torch."""

from __future__ import annotations

import numpy as np
import pytest

from ..windows import FADE_SAMPLES, HELD_TOKENS, LEFT_TOKENS, WindowDecoder


def exact(tokens: list[int]) -> np.ndarray:
    """Every token is its own stretch of a sine that goes through the whole clause."""
    time = np.arange(tokens[0] * 320, (tokens[-1] + 1) * 320)
    return (0.5 * np.sin(2 * np.pi * 220 * time / 16000)).astype(np.float32)


def off_at_the_edges(tokens: list[int]) -> np.ndarray:
    """Like BiCodec: 7 tokens at both edges are rendered without what is beyond them."""
    wave = exact(tokens)
    ramp = np.linspace(0.05, 0, 7 * 320)[: len(wave)]
    wave[: len(ramp)] *= 1 - ramp
    wave[::-1][: len(ramp)] *= 1 - ramp
    return wave


def play(count: int, detokenize) -> list[np.ndarray]:
    decoder = WindowDecoder(detokenize)
    pieces = [piece for i in range(count) if (piece := decoder.push(i)) is not None]
    return [*pieces, decoder.finish()]


@pytest.mark.parametrize("count", [1, 16, 17, 32, 33, 34, 57, 58, 400])
def test_no_sample_is_lost_or_said_twice(count):
    wave = np.concatenate(play(count, exact))
    assert len(wave) == count * 320
    assert np.abs(wave - exact(list(range(count)))).max() < 1e-5


def test_the_first_sound_needs_33_tokens():
    decoder = WindowDecoder(exact)
    assert all(decoder.push(i) is None for i in range(32))
    assert len(decoder.push(32)) == 17 * 320


def test_windows_grow_and_carry_their_context():
    seen: list[tuple[int, int]] = []

    def detokenize(tokens):
        seen.append((tokens[0], tokens[-1] + 1))
        return exact(tokens)

    play(300, detokenize)
    assert seen == [(0, 33), (0, 58), (42 - LEFT_TOKENS, 108), (92 - LEFT_TOKENS, 208), (192 - LEFT_TOKENS, 300)]
    assert HELD_TOKENS * 320 > FADE_SAMPLES


def test_seams_cannot_be_heard():
    """Against the unsplit rendering, edges and all: below -50 dB everywhere."""
    wave = np.concatenate(play(300, off_at_the_edges))
    off = np.abs(wave - off_at_the_edges(list(range(300))))
    assert off.max() / 0.5 < 10 ** (-50 / 20)


def test_nothing_in_is_nothing_out():
    assert len(WindowDecoder(exact).finish()) == 0


def test_a_codec_of_another_rate_is_refused():
    with pytest.raises(ValueError, match="not 320"):
        play(1, lambda tokens: np.zeros(100, np.float32))
