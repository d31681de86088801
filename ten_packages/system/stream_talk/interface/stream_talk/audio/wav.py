"""WAV files: whatever people have in, one plain format out.

Reads 8, 16, 24 and 32 bit integers and 32 and 64 bit floats, any number of channels, the extensible header, and files whose length field
is wrong because a recorder died or a pipe could not seek.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from stream_talk.audio.pcm import to_mono, to_pcm16
from stream_talk.audio.resample import resample_whole
from stream_talk.engines.interfaces import Pcm16

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_HEADER_BYTES = 44


class WavError(ValueError):
    """The file is no WAV file we can read; the message says why."""


@dataclass(frozen=True)
class _Format:
    kind: int
    channels: int
    sample_rate_hz: int
    bits: int


def read_wav(source: str | Path | bytes, sample_rate_hz: int | None = None) -> tuple[Pcm16, int]:
    """(mono samples, sample rate); resampled when `sample_rate_hz` is given."""
    channels, rate_hz = read_wav_channels(source)
    pcm = to_pcm16(to_mono(channels.astype(np.float64) / 32768.0)) if channels.shape[1] > 1 else channels[:, 0]
    if sample_rate_hz is None or sample_rate_hz == rate_hz:
        return pcm, rate_hz
    return resample_whole(pcm, rate_hz, sample_rate_hz), sample_rate_hz


def read_wav_channels(source: str | Path | bytes) -> tuple[npt.NDArray[np.int16], int]:
    """(samples as rows of channels, sample rate)."""
    raw = source if isinstance(source, bytes) else Path(source).read_bytes()
    if len(raw) < 12 or raw[:4] not in (b"RIFF", b"RF64") or raw[8:12] != b"WAVE":
        raise WavError("not a WAV file: the RIFF/WAVE header is missing")
    described: _Format | None = None
    position = 12
    while position + 8 <= len(raw):
        kind, size = raw[position : position + 4], struct.unpack_from("<I", raw, position + 4)[0]
        body = raw[position + 8 : position + 8 + size]  # shorter than `size` when the file was cut short
        if kind == b"fmt ":
            described = _parse_format(body)
        elif kind == b"data":
            if described is None:
                raise WavError("the data comes before its format")
            return _decode(body, described), described.sample_rate_hz
        position += 8 + size + (size & 1)
    raise WavError("the file has no data")


def _parse_format(body: bytes) -> _Format:
    if len(body) < 16:
        raise WavError("the format chunk is too short")
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == _EXTENSIBLE and len(body) >= 26:
        kind = struct.unpack_from("<H", body, 24)[0]
    if kind not in (_PCM, _FLOAT):
        raise WavError(
            f"encoding {kind} is not supported; convert the file to PCM, e.g. with: ffmpeg -i in.wav out.wav"
        )
    if not channels or not rate_hz:
        raise WavError("the format chunk says no channels or no sample rate")
    return _Format(kind, channels, rate_hz, bits)


def _decode(body: bytes, described: _Format) -> npt.NDArray[np.int16]:
    step = described.bits // 8
    if (described.kind, described.bits) not in (
        (_PCM, 8),
        (_PCM, 16),
        (_PCM, 24),
        (_PCM, 32),
        (_FLOAT, 32),
        (_FLOAT, 64),
    ):
        raise WavError(f"{described.bits} bit samples are not supported")
    body = body[: len(body) // (step * described.channels) * step * described.channels]
    samples: npt.NDArray[np.generic]
    if described.kind == _FLOAT:
        samples = np.frombuffer(body, dtype=f"<f{step}")
    elif described.bits == 24:
        triples = np.frombuffer(body, dtype=np.uint8).reshape(-1, 3)
        samples = (triples[:, 1].astype(np.uint16) | (triples[:, 2].astype(np.uint16) << 8)).view(np.int16)
    else:
        samples = np.frombuffer(body, dtype={8: "u1", 16: "<i2", 32: "<i4"}[described.bits])
    return to_pcm16(samples).reshape(-1, described.channels)


def _header(data_bytes: int, channels: int, sample_rate_hz: int) -> bytes:
    block = channels * 2
    return (
        b"RIFF"
        + struct.pack("<I", 36 + data_bytes)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, _PCM, channels, sample_rate_hz, sample_rate_hz * block, block, 16)
        + b"data"
        + struct.pack("<I", data_bytes)
    )


class WavWriter:
    """Writes while the sound is made; the header is corrected at `close`, and also fits a file that was never closed for most readers."""

    def __init__(self, target: str | Path | BinaryIO, sample_rate_hz: int, channels: int = 1) -> None:
        self._owned = isinstance(target, (str, Path))
        self._file: BinaryIO = open(target, "wb") if isinstance(target, (str, Path)) else target  # noqa: SIM115
        self._channels = channels
        self._sample_rate_hz = sample_rate_hz
        self._data_bytes = 0
        self._file.write(_header(0xFFFFFFFF - 36, channels, sample_rate_hz))

    def write(self, samples: npt.NDArray[np.int16]) -> None:
        """(n,) for mono, (n, channels) otherwise."""
        raw = np.ascontiguousarray(samples, dtype="<i2").tobytes()
        self._file.write(raw)
        self._data_bytes += len(raw)

    def close(self) -> None:
        if self._file.seekable():
            end = self._file.tell()
            self._file.seek(end - self._data_bytes - _HEADER_BYTES)
            self._file.write(_header(self._data_bytes, self._channels, self._sample_rate_hz))
            self._file.seek(end)
        if self._owned:
            self._file.close()

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_wav(target: str | Path | BinaryIO, samples: npt.NDArray[np.int16], sample_rate_hz: int) -> None:
    with WavWriter(target, sample_rate_hz, 1 if samples.ndim == 1 else samples.shape[1]) as writer:
        writer.write(samples)


def wav_bytes(samples: npt.NDArray[np.int16], sample_rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    write_wav(buffer, samples, sample_rate_hz)
    return buffer.getvalue()
