"""Changing the sample rate.

Live audio uses `samplerate`'s sinc_fastest: it holds back 1.2 ms, where soxr's cheapest good filter holds back up to 38 ms in bursts.
Files use soxr, which is better and may look ahead. Never resample chunk by chunk without state: that leaves 31 dB of distance to
the truth.
"""

from __future__ import annotations

import numpy as np
import samplerate
import soxr

from stream_talk.audio.pcm import to_pcm16
from stream_talk.engines.interfaces import Pcm16

_EMPTY: Pcm16 = np.zeros(0, dtype=np.int16)


class StreamResampler:
    """Stateful: the chunks may have any length, the result is the same. `flush` gives what the filter still holds."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.from_hz = from_hz
        self.to_hz = to_hz
        self._ratio = to_hz / from_hz
        self._filter = None if from_hz == to_hz else samplerate.Resampler("sinc_fastest", channels=1)
        self._taken = 0
        self._given = 0

    def process(self, pcm: Pcm16) -> Pcm16:
        if self._filter is None or not len(pcm):
            return pcm
        self._taken += len(pcm)
        return self._run(pcm.astype(np.float32) / np.float32(32768.0), end=False)

    def flush(self) -> Pcm16:
        """The rest, so that in total exactly the right number of samples came out. The resampler then starts anew."""
        if self._filter is None or not self._taken:
            return _EMPTY
        missing = round(self._taken * self._ratio) - self._given
        tail = self._run(np.zeros(0, dtype=np.float32), end=True)
        if len(tail) < missing:
            tail = np.concatenate([tail, np.zeros(missing - len(tail), dtype=np.int16)])
        self.reset()
        return tail[: max(0, missing)]

    def reset(self) -> None:
        if self._filter is not None:
            self._filter.reset()
        self._taken = self._given = 0

    def _run(self, samples: np.typing.NDArray[np.float32], *, end: bool) -> Pcm16:
        assert self._filter is not None
        out = to_pcm16(self._filter.process(samples, self._ratio, end_of_input=end))
        self._given += len(out)
        return out


def resample_whole(pcm: Pcm16, from_hz: int, to_hz: int) -> Pcm16:
    """A finished recording, at high quality."""
    if from_hz == to_hz or not len(pcm):
        return pcm
    return to_pcm16(np.asarray(soxr.resample(pcm.astype(np.float32) / np.float32(32768.0), from_hz, to_hz)))
