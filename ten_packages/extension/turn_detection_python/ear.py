"""The last eight seconds of the microphone, and where in them the voice ended. Pure."""

from __future__ import annotations

from collections import deque

import numpy as np
from stream_talk.audio.resample import StreamResampler
from stream_talk.engines.interfaces import Pcm16

from .prosody import WINDOW_MS

SAMPLE_RATE_HZ = 16000
_PER_MS = SAMPLE_RATE_HZ // 1000
_KEPT_MS = 8000.0


class Ear:
    def __init__(self) -> None:
        self._frames: deque[Pcm16] = deque()
        self._kept_samples = 0
        self._resampler: StreamResampler | None = None
        self.now_ms = 0.0  # media time after the newest sample
        self.voice = False
        self.sentence = 0
        self._voice_end_ms: float | None = None
        self._asked_ms = 0.0
        self._times_asked = 0

    @property
    def silence_ms(self) -> float:
        if self.voice or self._voice_end_ms is None:
            return 0.0
        return max(0.0, self.now_ms - self._voice_end_ms)

    def hear(self, pcm: Pcm16, sample_rate_hz: int, timestamp_ms: int) -> None:
        from_hz = sample_rate_hz or SAMPLE_RATE_HZ
        start_ms = float(timestamp_ms) if timestamp_ms > 0 else self.now_ms
        self.now_ms = start_ms + len(pcm) * 1000.0 / from_hz
        if from_hz != SAMPLE_RATE_HZ:
            if self._resampler is None or self._resampler.from_hz != from_hz:
                self._resampler = StreamResampler(from_hz, SAMPLE_RATE_HZ)
            pcm = self._resampler.process(pcm)
        self._frames.append(pcm)
        self._kept_samples += len(pcm)
        while self._kept_samples - len(self._frames[0]) > _KEPT_MS * _PER_MS:
            self._kept_samples -= len(self._frames.popleft())

    def voice_began(self) -> None:
        self.voice = True
        self.sentence += 1

    def voice_ended(self, media_ms: float) -> None:
        self.voice = False
        self._voice_end_ms = media_ms
        self._times_asked = 0

    def all(self) -> Pcm16:
        return np.concatenate(self._frames) if self._frames else np.zeros(0, np.int16)

    def last_voice(self) -> Pcm16:
        """The window that ends with the last sound of the voice."""
        samples = self.all()
        end = len(samples) - int(self.silence_ms * _PER_MS)
        return samples[max(0, end - WINDOW_MS * _PER_MS) : max(0, end)]

    def asked(self) -> None:
        self._asked_ms = self.now_ms
        self._times_asked += 1

    def asks_again(self, every_ms: float, at_most: int) -> bool:
        """Has enough silence passed since the last question about this sentence?"""
        return (
            not self.voice
            and self._voice_end_ms is not None
            and 0 < self._times_asked <= at_most
            and self.now_ms - self._asked_ms >= every_ms
        )
