"""Recognises a synthetic voice: by what the same voice sounds like when it says each of several sentences.

Recognisers made for people understand espeak about as well as people do on first hearing. A voice that always says a sentence
the same way is recognised best by comparison.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr
from stream_talk.engines.interfaces import SpeechRequest

from ten_packages.extension.espeak_tts_python.engine import EspeakEngine

RATE_HZ = 16_000
HOP, WINDOW, BANDS = 160, 400, 24
Samples = np.ndarray[Any, np.dtype[np.int16]]
Features = np.ndarray[Any, np.dtype[np.float64]]


class _Never:
    cancelled = False


def after_longest_pause(sound: Samples) -> Samples:
    """The last clause of a recording."""
    loud = np.nonzero(np.abs(sound.astype(int)) > 600)[0]
    return sound[max(0, loud[np.argmax(np.diff(loud)) + 1] - RATE_HZ // 50) :]


def last_saying(sound: Samples) -> Samples:
    """The last stretch of sound that no second of silence divides."""
    loud = np.nonzero(np.abs(sound.astype(int)) > 200)[0]
    pauses = np.nonzero(np.diff(loud) > RATE_HZ)[0]
    return sound[loud[pauses[-1] + 1 if len(pauses) else 0] : loud[-1] + 1]


def ranked(sound: Samples, sentences: list[str]) -> list[tuple[str, float]]:
    """The sentences in the order of how well the sound says them, and how alike they are (1 = the same)."""
    engine = EspeakEngine()
    engine.load()
    try:
        heard = features(sound)
        scores = {sentence: likeness(heard, features(spoken(engine, sentence))) for sentence in sentences}
    finally:
        engine.close()
    return sorted(scores.items(), key=lambda pair: -pair[1])


def spoken(engine: EspeakEngine, sentence: str) -> Samples:
    chunks = [np.asarray(chunk.pcm, np.int16) for chunk in engine.speak(SpeechRequest(sentence), _Never())]
    return soxr.resample(np.concatenate(chunks), engine.sample_rate_hz, RATE_HZ)


def features(sound: Samples) -> Features:
    """Loudness of 24 bands every 10 ms, in decibels above a floor."""
    count = max(1, (len(sound) - WINDOW) // HOP)
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(float), WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    edges = np.unique(np.geomspace(3, power.shape[1], BANDS + 1).astype(int))
    bands = np.add.reduceat(power, edges[:-1], axis=1)
    return np.maximum(10 * np.log10(bands + 1e-9), 40) - 40


def likeness(a: Features, b: Features) -> float:
    """Correlation at the best of the shifts up to half a second; what one has longer than the other counts against it."""
    length = max(len(a), len(b)) + 50
    fixed = np.zeros((length + 50, a.shape[1]))
    fixed[50 : 50 + len(a)] = a
    best = 0.0
    for shift in range(101):
        moved = np.zeros_like(fixed)
        piece = b[: len(moved) - shift]
        moved[shift : shift + len(piece)] = piece
        best = max(best, float(np.corrcoef(fixed.ravel(), moved.ravel())[0, 1]))
    return best
