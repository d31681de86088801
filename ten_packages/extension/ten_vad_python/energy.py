"""The last resort: voice by loudness above an adaptive noise floor. Needs numpy alone, so a conversation always hears.

It takes any loud sound for voice (music, keys), which the trained detectors do not. The floor falls at once to a quieter
level, and rises slowly, faster while the sound is steady: a fan that starts is floor after about two seconds.
"""

from __future__ import annotations

import math

import numpy as np
from stream_talk.engines.interfaces import Pcm16

SAMPLE_RATE_HZ = 16000
HOP_MS = 16
_SILENT_DBFS = -70.0
_LEAST_SPEECH_DBFS = -52.0
_FIRST_FLOOR_DBFS = -50.0
_HALF_AT_DB = 12.0
_SLOPE_DB = 2.5
_FALL = 0.25
_RISE = 0.002
_RISE_STEADY = 0.02
_STEADY_DB = 1.5


class EnergyVadEngine:
    sample_rate_hz = SAMPLE_RATE_HZ
    hop_samples = SAMPLE_RATE_HZ * HOP_MS // 1000

    def __init__(self) -> None:
        self.reset()

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing to warm."""

    def close(self) -> None:
        """Nothing to free."""

    def reset(self) -> None:
        self._floor_dbfs = _FIRST_FLOOR_DBFS
        self._smooth_dbfs = _FIRST_FLOOR_DBFS
        self._variation_db = 10.0

    def probability(self, hop: Pcm16) -> float | None:
        samples = hop.astype(np.float32)
        level = _dbfs(float(np.var(samples)))  # the variance, so that a constant offset is silence
        self._variation_db += 0.05 * (abs(level - self._smooth_dbfs) - self._variation_db)
        self._smooth_dbfs += 0.3 * (level - self._smooth_dbfs)
        self._follow(level)
        if level < _LEAST_SPEECH_DBFS:
            return 0.0
        above_db = self._smooth_dbfs - self._floor_dbfs
        return 1.0 / (1.0 + math.exp(-(above_db - _HALF_AT_DB) / _SLOPE_DB))

    def _follow(self, level_dbfs: float) -> None:
        step = level_dbfs - self._floor_dbfs
        if step < 0:
            self._floor_dbfs += _FALL * step
        else:
            self._floor_dbfs += (_RISE_STEADY if self._variation_db < _STEADY_DB else _RISE) * step


def _dbfs(power: float) -> float:
    return max(_SILENT_DBFS, 10.0 * math.log10(power / 32768.0**2 + 1e-12))
