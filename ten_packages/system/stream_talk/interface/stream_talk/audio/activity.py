"""Is this stretch of audio worth decoding? A cheap level gate with an adapting noise floor.

Not a VAD: it decides only what an ASR engine is spared (long silence), and errs towards keeping. It has no clock, only samples.
"""

from __future__ import annotations

from stream_talk.audio.pcm import rms_dbfs
from stream_talk.engines.interfaces import Pcm16

_LOWEST_SPEECH_DBFS = -60.0
_ABOVE_FLOOR_DB = 8.0
_ABOVE_FLOOR_ACTIVE_DB = 4.0
_FLOOR_RISE_DB_PER_S = 1.0


class ActivityGate:
    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._floor_dbfs = -75.0
        self.active = False
        self.silence_ms = 0.0

    def step(self, pcm: Pcm16) -> bool:
        """Take the next stretch (10 to 100 ms); True when something sounds in it. `silence_ms` counts since the last that did."""
        level = rms_dbfs(pcm)
        length_ms = len(pcm) * 1000.0 / self._sample_rate_hz
        self._floor_dbfs = min(max(level, -90.0), self._floor_dbfs + _FLOOR_RISE_DB_PER_S * length_ms / 1000.0)
        margin = _ABOVE_FLOOR_ACTIVE_DB if self.active else _ABOVE_FLOOR_DB
        sounds = level > max(_LOWEST_SPEECH_DBFS, self._floor_dbfs + margin)
        self.silence_ms = 0.0 if sounds else self.silence_ms + length_ms
        if sounds:
            self.active = True
        return sounds

    def rest(self) -> None:
        """The segment has ended: ask for clear sound before the next one."""
        self.active = False
        self.silence_ms = 0.0
