"""Voice activity by Silero's network on onnxruntime: 32 ms hops, MIT, every platform, no torch.

The package `silero_vad` imports torch when it is imported, so only its model file is used. One onnxruntime session serves
every conversation of the process; what a conversation owns is one kilobyte of recurrent state and 64 samples of context.
"""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16

Array = npt.NDArray[Any]
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
        self._input = np.zeros((1, _CONTEXT_SAMPLES + HOP_SAMPLES), np.float32)
        self._output = np.zeros((1, 1), np.float32)
        # The network reads its memory from the first and writes it to the other; then they change places.
        self._memories = [np.zeros((2, 1, 128), np.float32) for _ in range(2)]
        self._steps: list[Any] = []

    def load(self) -> None:
        if self._model is None:
            self._model = shared_model(self._model_path)
            here, there = self._memories
            self._steps = [
                self._model.bind(self._input, before, self._output, after)
                for before, after in ((here, there), (there, here))
            ]

    def warm_up(self) -> None:
        self.probability(np.zeros(HOP_SAMPLES, np.int16))
        self.reset()

    def close(self) -> None:
        self._model = None
        self._steps = []

    def probability(self, hop: Pcm16) -> float | None:
        if self._model is None:
            return None  # closed; a hop that still waited to be run is of no interest any more
        self._take_in(hop)
        step, later = self._steps
        self._model.run(step)
        self._steps = [later, step]
        self._memories.reverse()
        probability = self._output.item()
        return probability if probability >= 0.0 else None  # also refuses NaN

    @property
    def network(self) -> _Model | None:
        """Conversations of the same one run together (`stream_talk.engines.vad_batch`)."""
        return self._model

    def _take_in(self, hop: Pcm16) -> Array:
        """The network's input for this hop: the end of the one before, and its own samples."""
        samples = self._input[0]
        samples[:_CONTEXT_SAMPLES] = samples[-_CONTEXT_SAMPLES:]
        np.multiply(hop, np.float32(1 / 32768), out=samples[_CONTEXT_SAMPLES:])
        return samples

    def reset(self) -> None:
        for memory in self._memories:
            memory[:] = 0.0
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
        self._outputs = [item.name for item in self._session.get_outputs()]

    def bind(self, samples: Array, before: Array, output: Array, after: Array) -> Any:
        """A run over arrays that stay where they are. Bound once, a hop takes 40 us less than with names looked up each time."""
        binding = self._session.io_binding()
        for name, array in (("input", samples), ("state", before), ("sr", self._RATE)):
            binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in zip(self._outputs, (output, after), strict=True):
            binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return binding

    def run(self, binding: Any) -> None:
        self._session.run_with_iobinding(binding)

    def together(self, engines: Sequence[SileroVadEngine], hops: Sequence[Pcm16]) -> list[float | None]:
        """One hop of each engine in one run: at sixteen, a hop takes a third of the time that it takes alone."""
        if len(engines) == 1:
            return [engines[0].probability(hops[0])]
        samples = np.stack([engine._take_in(hop) for engine, hop in zip(engines, hops, strict=True)])
        before = np.concatenate([engine._memories[0] for engine in engines], axis=1)
        output, after = self._session.run(self._outputs, {"input": samples, "state": before, "sr": self._RATE})
        for number, engine in enumerate(engines):
            engine._memories[0][:] = after[:, number : number + 1]
        return [p if p >= 0.0 else None for p in output[:, 0].tolist()]


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
