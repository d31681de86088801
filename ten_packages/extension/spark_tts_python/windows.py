"""From semantic tokens to sound while they are still coming. No model in here: `detokenize` is handed in.

BiCodec's decoder looks 36 tokens to both sides, so every window is decoded with tokens on the left that were spoken already and some on
the right that are spoken next time; the middle is kept, and neighbouring windows are cross-faded over 30 ms.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from stream_talk.audio.pcm import Float32
from stream_talk.audio.seams import OverlapJoiner
from stream_talk.engines.token_schedule import TokenSchedule

SAMPLES_PER_TOKEN = 320
LEFT_TOKENS = 30
HELD_TOKENS = 16  # with 8, BiCodec with random weights is off by -33 dB at a seam; with 12 by -50 dB; with 16 by -75 dB
FADE_SAMPLES = 480
SCHEDULE = (17, 25, 50, 100)


class WindowDecoder:
    """`push` tokens as they come, `finish` when there are no more; both return the sound that is certain by then."""

    def __init__(self, detokenize: Callable[[list[int]], Float32]) -> None:
        self._detokenize = detokenize
        self._tokens: list[int] = []
        self._spoken = 0  # tokens
        self._schedule = TokenSchedule(SCHEDULE, look_ahead=HELD_TOKENS)
        self._joiner = OverlapJoiner(FADE_SAMPLES)

    def push(self, token: int) -> Float32 | None:
        self._tokens.append(token)
        if not self._schedule.is_due(len(self._tokens) - self._spoken):
            return None
        self._schedule.advance()
        end = len(self._tokens) - HELD_TOKENS
        piece = self._rendered(end * SAMPLES_PER_TOKEN + FADE_SAMPLES)
        self._spoken = end
        return self._joiner.push(piece)

    def finish(self) -> Float32:
        """Tokens that are left over are spoken."""
        if not self._tokens:
            return np.zeros(0, np.float32)
        last = self._joiner.push(self._rendered(len(self._tokens) * SAMPLES_PER_TOKEN))
        return np.concatenate([last, self._joiner.flush()])

    def _rendered(self, end_sample: int) -> Float32:
        """From the first sample that was not handed out yet."""
        begin = max(0, self._spoken - LEFT_TOKENS)
        wave = self._detokenize(self._tokens[begin:])
        wanted = (len(self._tokens) - begin) * SAMPLES_PER_TOKEN
        if len(wave) != wanted:
            raise ValueError(f"BiCodec made {len(wave)} samples of {len(self._tokens) - begin} tokens, not {wanted}")
        offset = begin * SAMPLES_PER_TOKEN
        return wave[self._spoken * SAMPLES_PER_TOKEN - offset : end_sample - offset]
