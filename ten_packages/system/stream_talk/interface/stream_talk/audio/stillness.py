"""Silence so deep that no network need be asked about it.

Behind a browser that suppresses noise most of a conversation is such silence, and asking is what a listening session costs. It also
is a truth that a network does not have: it goes on hearing voice for 40 ms after the last sample of it.

The first `SETTLE_MS` of a silence are shown to the network all the same, so that it forgets the voice before: otherwise a single
louder sample in the noise, a second later, would sound to it like the next syllable.
"""

from __future__ import annotations

import numpy as np

from stream_talk.engines.interfaces import Pcm16

SETTLE_MS = 320.0


class Stillness:
    """One per stream. A hop is still when none of its samples is louder than `dbfs`."""

    __slots__ = ("_peak", "_still_ms")

    def __init__(self, dbfs: float) -> None:
        self._peak = int(32768.0 * 10.0 ** (dbfs / 20.0))
        self._still_ms = 0.0

    def has(self, hop: Pcm16, hop_ms: float) -> bool:
        """Whether this hop, the next of the stream, is still. Takes 2 us."""
        if np.maximum.reduce(hop) > self._peak or np.minimum.reduce(hop) < -self._peak:
            self._still_ms = 0.0
            return False
        self._still_ms += hop_ms
        return True

    @property
    def is_settled(self) -> bool:
        """It has lasted so long that the network need not be shown more of it."""
        return self._still_ms > SETTLE_MS
