"""Voice activity by Silero's network on onnxruntime: 32 ms hops, MIT, every platform, no torch.

The package `silero_vad` imports torch when it is imported, so only its model file is used. One onnxruntime session serves
every conversation of the process; what a conversation owns is one kilobyte of recurrent state and 64 samples of context.
"""

from __future__ import annotations

import importlib.metadata
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16

SAMPLE_RATE_HZ = 16000
HOP_SAMPLES = 512
_CONTEXT_SAMPLES = 64
_MODEL_NAMES = ("silero_vad_16k_op15.onnx", "silero_vad.onnx")
# pip packages that carry the file, in order of preference.
_CARRIERS = ("silero-vad", "faster-whisper", "pipecat-ai")
_REMEDY = "pip install --no-deps silero-vad, or set `model_path` to a silero_vad.onnx"


class SileroVadEngine:
    sample_rate_hz = SAMPLE_RATE_HZ
    hop_samples = HOP_SAMPLES

    def __init__(self, model_path: str = "") -> None:
        self._model_path = model_path
        self._model: _Model | None = None
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, _CONTEXT_SAMPLES + HOP_SAMPLES), np.float32)

    def load(self) -> None:
        if self._model is None:
            self._model = shared_model(self._model_path)

    def warm_up(self) -> None:
        self.probability(np.zeros(HOP_SAMPLES, np.int16))
        self.reset()

    def close(self) -> None:
        self._model = None

    def probability(self, hop: Pcm16) -> float | None:
        assert self._model is not None, "load() first"
        samples = self._input
        samples[0, :_CONTEXT_SAMPLES] = samples[0, -_CONTEXT_SAMPLES:]
        np.multiply(hop, np.float32(1 / 32768), out=samples[0, _CONTEXT_SAMPLES:])
        probability, self._state = self._model.run(samples, self._state)
        return probability if probability >= 0.0 else None  # also refuses NaN

    def reset(self) -> None:
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input[:] = 0.0


class _Model:
    """The network of one file. `run` may be called from any thread."""

    _RATE = np.array(SAMPLE_RATE_HZ, np.int64)

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # The arena would keep its largest run for ever, per session; these tensors are tiny.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no other base
            raise EngineUnavailable(f"{path} is no model that onnxruntime reads ({error})", _REMEDY) from error
        names = [item.name for item in self._session.get_inputs()]
        if names[:2] != ["input", "state"]:
            raise EngineUnavailable(f"{path} takes {names}, which is not Silero VAD 5 or 6", _REMEDY)

    def run(
        self, samples: npt.NDArray[np.float32], state: npt.NDArray[np.float32]
    ) -> tuple[float, npt.NDArray[np.float32]]:
        output, next_state = self._session.run(None, {"input": samples, "state": state, "sr": self._RATE})
        return float(output[0, 0]), next_state


_LOADING = threading.Lock()


def shared_model(model_path: str) -> _Model:
    """The one of this process for that file."""
    path = Path(model_path).expanduser() if model_path else find_model()
    if not path.is_file():
        raise EngineUnavailable(f"no Silero model at {path}", _REMEDY)
    with _LOADING:
        return _load(path)


@cache
def _load(path: Path) -> _Model:
    try:
        return _Model(path)
    except ImportError as error:
        raise EngineUnavailable("onnxruntime is not installed", "pip install onnxruntime") from error


@cache
def find_model() -> Path:
    """The model inside an installed package, found without importing it."""
    for carrier in _CARRIERS:
        found = _files_of(carrier)
        for name in _MODEL_NAMES:
            for path in found.get(name, []):
                if path.is_file():
                    return path
    raise EngineUnavailable("no Silero VAD model is installed", _REMEDY)


def _files_of(package: str) -> dict[str, list[Path]]:
    try:
        files: list[Any] = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[Path]] = {}
    for file in files:
        if file.name in _MODEL_NAMES:
            found.setdefault(file.name, []).append(Path(str(file.locate())))
    return found
