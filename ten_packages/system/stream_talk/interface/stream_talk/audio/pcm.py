"""Samples: conversion to the one format that stages exchange (mono int16), levels, silence, short fades."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_talk.engines.interfaces import Pcm16

Float32 = npt.NDArray[np.float32]

FULL_SCALE = 32768.0
SILENCE_DBFS = -120.0


def to_pcm16(samples: npt.NDArray[Any]) -> Pcm16:
    """Any sample type as int16. Floats are in [-1, 1]: what is beyond is clipped, what is not a number becomes silence."""
    if samples.dtype == np.int16:
        pcm: Pcm16 = samples
        return pcm
    if np.issubdtype(samples.dtype, np.floating):
        finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        pcm = np.clip(np.rint(finite * FULL_SCALE), -32768, 32767).astype(np.int16)
        return pcm
    if samples.dtype == np.uint8:
        return ((samples.astype(np.int16) - 128) << 8).astype(np.int16)
    if samples.dtype == np.int32:
        return (samples >> 16).astype(np.int16)
    raise TypeError(f"cannot turn samples of type {samples.dtype} into int16")


def to_float(pcm: Pcm16) -> Float32:
    scaled: Float32 = pcm.astype(np.float32) / np.float32(FULL_SCALE)
    return scaled


def to_mono(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n, channels) -> (n,), averaged; mono passes through."""
    if samples.ndim == 1:
        return samples
    if samples.shape[1] == 1:
        return samples[:, 0]
    mixed: npt.NDArray[Any] = samples.mean(axis=1, dtype=np.float64).astype(samples.dtype)
    return mixed


def from_bytes(raw: bytes | bytearray | memoryview) -> Pcm16:
    """s16le bytes; an odd last byte, which cannot be a sample, is left out."""
    return np.frombuffer(raw, dtype="<i2", count=len(raw) // 2)


def silence(duration_ms: float, sample_rate_hz: int) -> Pcm16:
    return np.zeros(samples_in(duration_ms, sample_rate_hz), dtype=np.int16)


def samples_in(duration_ms: float, sample_rate_hz: int) -> int:
    return max(0, round(duration_ms * sample_rate_hz / 1000.0))


def duration_ms(samples: int, sample_rate_hz: int) -> float:
    return samples * 1000.0 / sample_rate_hz


def rms_dbfs(pcm: Pcm16) -> float:
    """Loudness relative to full scale; SILENCE_DBFS for digital silence and for nothing."""
    if len(pcm) == 0:
        return SILENCE_DBFS
    wide = pcm.astype(np.float32)
    power = float(wide.dot(wide)) / len(pcm)
    if power <= 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(power / (FULL_SCALE * FULL_SCALE)))


def clipped_share(pcm: Pcm16) -> float:
    """Share of samples at either rail."""
    if len(pcm) == 0:
        return 0.0
    return float(np.count_nonzero((pcm == 32767) | (pcm == -32768))) / len(pcm)


def fade(pcm: Pcm16, sample_rate_hz: int, *, in_ms: float = 0.0, out_ms: float = 0.0) -> Pcm16:
    """A copy with linear fades at its edges, so that it can stand next to unrelated sound without a click."""
    shaped = pcm.astype(np.float32)
    rising = min(len(pcm), samples_in(in_ms, sample_rate_hz))
    falling = min(len(pcm), samples_in(out_ms, sample_rate_hz))
    if rising:
        shaped[:rising] *= np.linspace(0.0, 1.0, rising, endpoint=False, dtype=np.float32)
    if falling:
        shaped[-falling:] *= np.linspace(1.0, 0.0, falling, endpoint=False, dtype=np.float32)
    return shaped.astype(np.int16)


def trim_silence(pcm: Pcm16, sample_rate_hz: int, *, keep_ms: float = 20.0, threshold_dbfs: float = -50.0) -> Pcm16:
    """Without leading and trailing silence, but for `keep_ms` of it."""
    window = max(1, samples_in(10.0, sample_rate_hz))
    loud = [i for i in range(0, len(pcm), window) if rms_dbfs(pcm[i : i + window]) > threshold_dbfs]
    if not loud:
        return pcm[:0]
    keep = samples_in(keep_ms, sample_rate_hz)
    return pcm[max(0, loud[0] - keep) : min(len(pcm), loud[-1] + window + keep)]


def peak_at(dbfs: float) -> int:
    """The sample value at this level."""
    return int(FULL_SCALE * 10.0 ** (dbfs / 20.0))
