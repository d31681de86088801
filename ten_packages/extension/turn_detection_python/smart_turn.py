"""smart-turn v3: a network that hears whether a turn is complete, from up to eight seconds of sound (23 languages).

Only its model file is needed: a path, or the one inside an installed `pipecat-ai` (which is not imported; it would pull half a
gigabyte). Its input is Whisper's log-mel spectrogram, computed here with numpy.
"""

from __future__ import annotations

import importlib.metadata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16

SAMPLE_RATE_HZ = 16000
SAMPLES = 8 * SAMPLE_RATE_HZ
_FFT = 400
_HOP = 160
_MELS = 80
_CARRIER = "pipecat-ai"
_PATTERN = "smart-turn-v3*-cpu.onnx"
_REMEDY = "pip install --no-deps pipecat-ai, or set `smart_turn.model_path` to a smart-turn-v3 file"

Float32 = npt.NDArray[np.float32]


class SmartTurnEngine:
    """Stateless, shared by all sessions; about 70 ms a decision on one slow core, so it runs on a thread."""

    def __init__(self, model_path: str = "") -> None:
        self._model_path = model_path
        self._session: Any = None

    def load(self) -> None:
        if self._session is not None:
            return
        path = Path(self._model_path).expanduser() if self._model_path else find_model()
        if path is None or not path.is_file():
            raise EngineUnavailable(f"no smart-turn model{f' at {path}' if path else ''}", _REMEDY)
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineUnavailable("onnxruntime is not installed", "pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # two were slower
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def warm_up(self) -> None:
        self.probability(np.zeros(SAMPLE_RATE_HZ, np.int16))

    def close(self) -> None:
        self._session = None

    def probability(self, pcm: Pcm16) -> float:
        """That the turn which ends with these samples (silence after it included) is complete."""
        log_mel = log_mel_spectrogram(pcm)
        output = self._session.run(None, {self._session.get_inputs()[0].name: log_mel[None]})
        return float(np.asarray(output[0]).reshape(-1)[0])


def find_model() -> Path | None:
    try:
        files = importlib.metadata.files(_CARRIER) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = sorted(str(file.locate()) for file in files if file.match(_PATTERN))
    return Path(found[-1]) if found else None


def log_mel_spectrogram(pcm: Pcm16) -> Float32:
    """Whisper's features of the last eight seconds, padded in front: [80, 800]."""
    waveform = np.zeros(SAMPLES, np.float32)
    tail = pcm[-SAMPLES:].astype(np.float32) / np.float32(32768)
    if len(tail):
        waveform[-len(tail) :] = tail
    waveform = (waveform - waveform.mean()) / np.sqrt(waveform.var() + np.float32(1e-7))
    padded = np.pad(waveform, _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][:-1]
    power = np.abs(np.fft.rfft(frames * _window(), axis=1)) ** 2
    mel = np.log10(np.maximum(_mel_filters() @ power.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    return ((mel + 4.0) / 4.0).astype(np.float32)


@cache
def _window() -> Float32:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)


@cache
def _mel_filters() -> Float32:
    """Slaney's: linear below 1 kHz, logarithmic above, triangles of equal area."""
    bins = np.linspace(0.0, SAMPLE_RATE_HZ / 2, _FFT // 2 + 1)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE_HZ / 2), _MELS + 2))
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return filters.astype(np.float32)


_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    return float(_KNEE_MEL + np.log(hz / _KNEE_HZ) / _LOG_STEP) if hz >= _KNEE_HZ else hz / _LINEAR_HZ_PER_MEL


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel >= _KNEE_MEL, _KNEE_HZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL)), mel * _LINEAR_HZ_PER_MEL)
