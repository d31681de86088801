"""Voice activity by ten-vad: 10 or 16 ms hops, about 0.1 ms each, one instance per session."""

from __future__ import annotations

import platform

import numpy as np
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16

SAMPLE_RATE_HZ = 16000
TUNED_HOPS_MS = (10, 16)


class TenVadEngine:
    """`probability` is None where the library reports its internal error (a negative probability)."""

    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, hop_size_ms: int = 16) -> None:
        if hop_size_ms not in TUNED_HOPS_MS:
            raise ValueError(f"hop_size_ms is {hop_size_ms}; ten-vad knows 10 and 16")
        self.hop_samples = SAMPLE_RATE_HZ * hop_size_ms // 1000
        self._faint: Pcm16 = np.resize(np.array([1, -1], dtype=np.int16), self.hop_samples)
        self._vad: object | None = None

    def load(self) -> None:
        if self._vad is None:
            self._vad = _new_vad(self.hop_samples)

    def warm_up(self) -> None:
        """Nothing: the first hop is as fast as any other."""

    def close(self) -> None:
        self._vad = None

    def probability(self, hop: Pcm16) -> float | None:
        # Exact zeros after speech leave the network's memory in numbers so small that each hop takes 3.5 times as long, for ever.
        probability, _flag = self._vad.process(hop if hop.any() else self._faint)  # type: ignore[union-attr, attr-defined]
        return float(probability) if probability >= 0.0 else None

    def reset(self) -> None:
        """Forget the stream. The library has no reset, so its handle is made anew."""
        if self._vad is not None:
            self._vad = _new_vad(self.hop_samples)


def _new_vad(hop_samples: int) -> object:
    try:
        from ten_vad import TenVad
    except ImportError as error:
        raise EngineUnavailable("ten-vad is not installed", "pip install ten-vad") from error
    try:
        return TenVad(hop_samples)
    except NotImplementedError as error:
        here = f"{platform.system()} {platform.machine()}"
        raise EngineUnavailable(
            f"ten-vad has no binary for {here}", "use silero_vad_python as the addon of the node `vad`"
        ) from error
    except (OSError, FileNotFoundError) as error:
        raise EngineUnavailable(
            f"ten-vad's library does not load ({error})", "on Debian and Ubuntu: apt-get install libc++1"
        ) from error
