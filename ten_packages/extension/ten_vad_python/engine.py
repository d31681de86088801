"""Voice activity by ten-vad: 10 or 16 ms hops, about 0.1 ms each, one instance per session."""

from __future__ import annotations

import ctypes
import platform
from typing import Any

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
        self._hop: Pcm16 = np.zeros(self.hop_samples, dtype=np.int16)
        self._probability = ctypes.c_float()
        self._vad: Any = None
        self._process: Any = None
        self._arguments: tuple[Any, ...] = ()

    def load(self) -> None:
        if self._vad is None:
            self._open()

    def warm_up(self) -> None:
        """Nothing: the first hop is as fast as any other."""

    def close(self) -> None:
        self._vad = self._process = None

    def probability(self, hop: Pcm16) -> float | None:
        # Exact zeros after speech leave the network's memory in numbers so small that each hop takes 3.5 times as long, for ever.
        self._hop[:] = hop if np.count_nonzero(hop) else self._faint
        self._process(*self._arguments)
        probability = self._probability.value
        return probability if probability >= 0.0 else None

    def reset(self) -> None:
        """Forget the stream. The library has no reset, so its handle is made anew."""
        if self._vad is not None:
            self._open()

    def _open(self) -> None:
        """The package makes and frees the detector; its `process` checks and converts for longer than a hop should take, so
        the library is called directly, with arguments that stay the same. The call keeps Python's lock: giving it up and
        waiting for it again would cost the audio loop more than the 0.1 ms that others could use meanwhile.
        """
        self._vad = _new_vad(self.hop_samples)
        pointer = ctypes.c_void_p
        prototype = ctypes.PYFUNCTYPE(ctypes.c_int, pointer, pointer, ctypes.c_size_t, pointer, pointer)
        self._process = prototype(("ten_vad_process", self._vad.vad_library))
        self._arguments = (
            self._vad.vad_handler,
            pointer(self._hop.ctypes.data),
            ctypes.c_size_t(self.hop_samples),
            ctypes.byref(self._probability),
            ctypes.byref(ctypes.c_int32()),
        )


def _new_vad(hop_samples: int) -> Any:
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
