"""What the voice says: did the last words sound like an end?

At an end of turn the pitch has fallen to the bottom of the speaker's range (or risen, in a question) and the energy fades; in
the middle of a phrase it is held. From the last `WINDOW_MS` of voice come four numbers, and from those a probability, by
weights fitted on recorded prompts, whole and cut between words (`python -m bench.stages turn` re-runs it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from stream_talk.engines.interfaces import Pcm16

SAMPLE_RATE_HZ = 16000
WINDOW_MS = 600
_WORK_HZ = SAMPLE_RATE_HZ // 2  # pitch needs no more, and it halves the work twice
_FRAME = _WORK_HZ * 40 // 1000  # two periods of the lowest voice
_HOP = _WORK_HZ // 100
_FFT = 450  # a frame and the longest lag (one period of the lowest voice), and quick to transform
_LOWEST_HZ, _HIGHEST_HZ = 70, 400
_VOICED = 0.45
_LEAST_VOICED_FRAMES = 8

Float = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Contour:
    """Per 10 ms: level in dB, pitch in semitones above 55 Hz (NaN where unvoiced)."""

    level_db: Float
    pitch: Float


@dataclass(frozen=True)
class Features:
    final_pitch: float
    """Semitones of the last voiced 100 ms relative to the median of the speaker so far."""
    pitch_slope: float
    """Semitones per 100 ms over the last voiced 300 ms."""
    level_drop: float
    """dB that the last voiced 100 ms lie below the loudest part of the window."""
    fade: float
    """dB per 100 ms over the last 200 ms of sound."""


def contour(pcm: Pcm16) -> Contour:
    """Pitch by normalised autocorrelation, all frames at once."""
    halved = pcm[: len(pcm) // 2 * 2].reshape(-1, 2).mean(axis=1, dtype=np.float32)
    if len(halved) < _FRAME:
        return Contour(np.zeros(0), np.zeros(0))
    frames = np.lib.stride_tricks.sliding_window_view(halved, _FRAME)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    level_db = 10.0 * np.log10((frames**2).mean(axis=1) + 1.0)
    spectrum = np.fft.rfft(frames, _FFT, axis=1)
    shortest, longest = _WORK_HZ // _HIGHEST_HZ, _WORK_HZ // _LOWEST_HZ
    kept = longest + 2
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, _FFT, axis=1)[:, :kept]
    # Longer lags overlap less; without this every voice would seem to halve its period.
    correlation = correlation / ((correlation[:, :1] + 1e-3) * (1.0 - np.arange(kept, dtype=np.float32) / _FRAME))
    window = correlation[:, shortest:longest]
    best = window.max(axis=1)
    # The first peak nearly as high as the best is the period; later ones are its multiples.
    lags = shortest + np.argmax(window >= 0.9 * best[:, None], axis=1)
    lags = _climb(correlation, lags)
    pitch = 12.0 * np.log2(_WORK_HZ / _between_samples(correlation, lags) / 55.0)
    quiet = level_db < level_db.max() - 30.0
    return Contour(level_db, np.where((best < _VOICED) | quiet, np.nan, pitch))


def _climb(correlation: Float, lags: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """From the edge of a peak to its top."""
    rows = np.arange(len(lags))
    for _ in range(12):
        higher = correlation[rows, np.minimum(lags + 1, correlation.shape[1] - 1)] > correlation[rows, lags]
        if not higher.any():
            break
        lags = lags + higher
    return lags


def _between_samples(correlation: Float, lags: npt.NDArray[np.intp]) -> Float:
    """The top of the parabola through the peak and its neighbours: at 8 kHz a whole sample is up to a semitone."""
    rows = np.arange(len(lags))
    left, top, right = (correlation[rows, np.clip(lags + step, 0, correlation.shape[1] - 1)] for step in (-1, 0, 1))
    bend = left - 2.0 * top + right
    shift = np.where(bend < -1e-9, 0.5 * (left - right) / np.minimum(bend, -1e-9), 0.0)
    return lags + np.clip(shift, -0.5, 0.5)


def features(shape: Contour, speaker_median: float | None = None) -> Features | None:
    """None when too little of it is voiced to say anything."""
    voiced = np.flatnonzero(~np.isnan(shape.pitch))
    if len(voiced) < _LEAST_VOICED_FRAMES:
        return None
    pitch = shape.pitch[voiced]
    median = float(np.median(pitch)) if speaker_median is None else speaker_median
    tail = voiced[-30:]
    slope = _slope(tail.astype(float), shape.pitch[tail]) * 10.0
    sounding = np.flatnonzero(shape.level_db > shape.level_db.max() - 35.0)
    end = sounding[-20:]
    loudest = float(np.percentile(shape.level_db, 95))
    return Features(
        final_pitch=float(np.clip(np.median(pitch[-10:]) - median, -12.0, 12.0)),
        pitch_slope=float(np.clip(slope, -6.0, 6.0)),
        level_drop=loudest - float(shape.level_db[voiced[-10:]].mean()),
        fade=float(np.clip(_slope(end.astype(float), shape.level_db[end]) * 10.0, -30.0, 30.0)),
    )


def _slope(at: Float, values: Float) -> float:
    """Least squares, per step."""
    if len(at) < 2:
        return 0.0
    centred = at - at.mean()
    spread = float(centred @ centred)
    return float(centred @ (values - values.mean())) / spread if spread > 0 else 0.0


# From a logistic regression on 112 prompts, whole and cut between words (with a fade, as when someone hesitates), through the
# echo guard and the voice detector. The fall in level carries most of it; the pitch weights are kept small but not zero, as
# one talker cannot teach what other voices do. `fade` added nothing.
_WEIGHTS = (-0.3, -0.1, 0.55, 0.0)
_BIAS = -6.9


def log_odds(seen: Features) -> float:
    values = (seen.final_pitch, seen.pitch_slope, seen.level_drop, seen.fade)
    return _BIAS + sum(weight * value for weight, value in zip(_WEIGHTS, values, strict=True))


def finished_probability(pcm: Pcm16, speaker_median: float | None = None) -> float | None:
    """For the voice up to its last sound; None when it says nothing."""
    seen = features(contour(pcm[-WINDOW_MS * SAMPLE_RATE_HZ // 1000 :]), speaker_median)
    return None if seen is None else 1.0 / (1.0 + math.exp(-log_odds(seen)))
