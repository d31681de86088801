"""Audio as the protocol carries it: PCM of any rate, or 8 kHz µ-law and A-law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_talk.wire.realtime.errors import RealtimeError

Pcm16 = npt.NDArray[np.int16]
_MIN_RATE_HZ, _MAX_RATE_HZ = 8_000, 48_000


def _ulaw_table() -> Pcm16:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    values = np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84)
    return values.astype(np.int16)


def _alaw_table() -> Pcm16:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code & 0x70) >> 4, (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _nearest_codes(table: Pcm16) -> npt.NDArray[np.uint8]:
    """For every 16-bit sample the code whose value is nearest."""
    order = np.argsort(table, kind="stable")
    sorted_values = table[order].astype(np.int32)
    borders = (sorted_values[1:] + sorted_values[:-1]) / 2
    samples = np.arange(-32768, 32768)
    nearest: npt.NDArray[np.uint8] = order[np.searchsorted(borders, samples)].astype(np.uint8)
    return nearest


_TABLES = {"audio/pcmu": _ulaw_table(), "audio/pcma": _alaw_table()}
_CODES = {name: _nearest_codes(table) for name, table in _TABLES.items()}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    type: str = "audio/pcm"
    rate_hz: int = 24_000

    @classmethod
    def parse(cls, raw: Any, param: str) -> AudioFormat:
        if not isinstance(raw, dict) or raw.get("type") not in ("audio/pcm", *_TABLES):
            raise RealtimeError("invalid_value", "format.type is audio/pcm, audio/pcmu or audio/pcma.", param=param)
        if raw["type"] in _TABLES:
            return cls(raw["type"], 8_000)
        rate = raw.get("rate", 24_000)
        if not isinstance(rate, int) or not _MIN_RATE_HZ <= rate <= _MAX_RATE_HZ:
            raise RealtimeError("invalid_value", f"format.rate is {_MIN_RATE_HZ} to {_MAX_RATE_HZ}.", param=param)
        return cls("audio/pcm", rate)

    def body(self) -> dict[str, Any]:
        return {"type": self.type, "rate": self.rate_hz} if self.type == "audio/pcm" else {"type": self.type}

    @property
    def bytes_per_sample(self) -> int:
        return 2 if self.type == "audio/pcm" else 1

    def decode(self, data: bytes) -> bytes:
        """To s16le at `rate_hz`."""
        if self.type == "audio/pcm":
            return data
        return _TABLES[self.type][np.frombuffer(data, dtype=np.uint8)].astype("<i2").tobytes()

    def encode(self, pcm: bytes) -> bytes:
        if self.type == "audio/pcm":
            return pcm
        codes: bytes = _CODES[self.type][np.frombuffer(pcm, dtype="<i2").astype(np.int32) + 32768].tobytes()
        return codes
