"""Joining pieces of sound without a click or a dip.

Two cases, and they need opposite treatment:
* `OverlapJoiner`: the same sound was rendered twice around the seam (a vocoder decoding overlapping windows). The two versions are
  alike, so equal *gain* weights (they sum to 1) keep the level; equal power would swell by 3 dB.
* `EdgeJoiner`: the pieces have nothing to do with each other (clause after clause). Each edge is faded for a few milliseconds.

Sound is joined as float and becomes int16 once, in `pcm.to_pcm16`.
"""

from __future__ import annotations

import numpy as np

from stream_talk.audio.pcm import Float32

_EMPTY: Float32 = np.zeros(0, dtype=np.float32)


class OverlapJoiner:
    """Pieces whose first `overlap_samples` render again what the piece before ended with. The tail is held until its twin is there."""

    def __init__(self, overlap_samples: int) -> None:
        self._overlap = overlap_samples
        # Hann: smooth at both ends, and rise + fall is exactly 1 everywhere.
        phase = (np.arange(overlap_samples, dtype=np.float64) + 0.5) / max(1, overlap_samples)
        self._rise = (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)
        self._tail = _EMPTY

    @property
    def held_samples(self) -> int:
        return len(self._tail)

    def push(self, piece: Float32) -> Float32:
        """The next piece; returns what is now certain."""
        piece = np.nan_to_num(piece.astype(np.float32, copy=True))
        shared = min(len(self._tail), len(piece))
        if shared:
            rise = self._rise[:shared] if shared == self._overlap else _hann_rise(shared)
            piece[:shared] = self._tail[:shared] * (1.0 - rise) + piece[:shared] * rise
        held = min(self._overlap, len(piece))
        certain, self._tail = piece[: len(piece) - held], piece[len(piece) - held :]
        return certain

    def flush(self) -> Float32:
        """No piece follows: the held tail is the end."""
        tail, self._tail = self._tail, _EMPTY
        return tail

    def drop(self) -> None:
        """The sound was cut: what is held must never be heard."""
        self._tail = _EMPTY


class EdgeJoiner:
    """Unrelated pieces, chunk by chunk: fades in the first samples after `begin`, and the last ones before `end`."""

    def __init__(self, fade_samples: int) -> None:
        self._fade = fade_samples
        self._tail = _EMPTY
        self._faded_in = 0

    def begin(self) -> None:
        """A new piece starts."""
        self._faded_in = 0
        self._tail = _EMPTY

    def push(self, chunk: Float32) -> Float32:
        chunk = np.nan_to_num(chunk.astype(np.float32, copy=True))
        rising = min(self._fade - self._faded_in, len(chunk))
        if rising > 0:
            ramp = (np.arange(self._faded_in, self._faded_in + rising, dtype=np.float32) + 0.5) / self._fade
            chunk[:rising] *= ramp
            self._faded_in += rising
        joined = np.concatenate([self._tail, chunk])
        held = min(self._fade, len(joined))
        self._tail = joined[len(joined) - held :]
        return joined[: len(joined) - held]

    def end(self) -> Float32:
        """The piece is complete: its last samples, faded out."""
        tail, self._tail = self._tail, _EMPTY
        if not len(tail):
            return tail
        ramp = (np.arange(len(tail), 0, -1, dtype=np.float32) - 0.5) / self._fade
        return tail * np.minimum(ramp, 1.0)


def _hann_rise(samples: int) -> Float32:
    phase = (np.arange(samples, dtype=np.float64) + 0.5) / samples
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)
