"""How loud an utterance is, in 20 ms steps: enough to know where its voice ends and where it may be cut."""

from __future__ import annotations

import numpy as np

from stream_talk.engines.interfaces import Pcm16

STEP_MS = 20
SILENCE_RMS = 60.0  # of 32768: about -55 dBFS, below any microphone in a room in which somebody speaks
VOICE_BELOW_PEAK = 0.06  # a step counts as voice down to 24 dB under the loudest one


class LevelMeter:
    def __init__(self, sample_rate_hz: int) -> None:
        self._step = sample_rate_hz * STEP_MS // 1000
        self._rest: Pcm16 = np.zeros(0, np.int16)
        self._rms: list[float] = []
        self._loudest = 0.0

    def feed(self, pcm: Pcm16) -> None:
        pcm = np.concatenate([self._rest, pcm])
        whole = len(pcm) // self._step * self._step
        steps = pcm[:whole].reshape(-1, self._step).astype(np.float32)
        self._rest = pcm[whole:].copy()
        if len(steps):
            levels = np.sqrt(np.mean(steps * steps, axis=1)).tolist()
            self._rms.extend(levels)
            self._loudest = max(self._loudest, *levels)

    def drop_until(self, ms: float) -> None:
        del self._rms[: int(ms) // STEP_MS]

    @property
    def silent(self) -> bool:
        return self._loudest < SILENCE_RMS

    @property
    def voiced_ms(self) -> int:
        limit = self._limit
        return sum(level > limit for level in self._rms) * STEP_MS

    @property
    def voice_start_ms(self) -> int:
        limit = self._limit
        return next((index for index, level in enumerate(self._rms) if level > limit), 0) * STEP_MS

    @property
    def voice_end_ms(self) -> int:
        """Where the last voice ends so far; 0 when there was none."""
        limit = self._limit
        back = next((index for index, level in enumerate(reversed(self._rms)) if level > limit), len(self._rms))
        return (len(self._rms) - back) * STEP_MS

    def quietest_ms(self, from_ms: float, to_ms: float) -> int:
        """The middle of the quietest 100 ms between two points."""
        first, last = int(from_ms) // STEP_MS, max(int(from_ms) // STEP_MS + 5, int(to_ms) // STEP_MS)
        levels = np.convolve(self._rms[first:last], np.ones(5), mode="valid")
        return int(first + int(np.argmin(levels)) + 2) * STEP_MS

    @property
    def _limit(self) -> float:
        return max(SILENCE_RMS, self._loudest * VOICE_BELOW_PEAK)
