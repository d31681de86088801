"""What each engine's environment consists of. Pins are upstream's own; where two engines' pins clash, each has its environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """`checkout`: a repository that upstream does not package; it is cloned beside the environment. `pythons`: minor versions of
    Python 3 that upstream's pins allow, best first; empty means the one that runs this."""

    name: str
    title: str
    packages: tuple[str, ...]
    nodeps: tuple[str, ...] = ()
    pythons: tuple[int, ...] = ()
    constraints: bool = True
    """Apply the project's constraints file; not where upstream pins its own torch."""
    checkout: str = ""
    platforms: tuple[str, ...] = ()
    size_gb: float = 1.0
    note: str = ""


_COSYVOICE_PACKAGES = (
    "torch==2.3.1", "torchaudio==2.3.1", "transformers==4.51.3", "numpy==1.26.4", "onnxruntime==1.18.0", "protobuf==4.25",
    "diffusers==0.29.0", "lightning==2.2.4", "HyperPyYAML==1.2.3", "modelscope", "inflect", "openai-whisper", "librosa",
    "conformer", "hydra-core", "gdown", "wget", "matplotlib", "rich", "pyworld", "pyarrow", "wetext",
)  # fmt: skip
_SPARK_PACKAGES = (
    "torch==2.5.1", "torchaudio==2.5.1", "transformers==4.46.2", "numpy==2.2.3", "soxr==0.5.0.post1", "soundfile", "einops",
    "einx", "omegaconf", "safetensors",
)  # fmt: skip

RECIPES: tuple[Recipe, ...] = (
    Recipe("faster-whisper", "faster-whisper (CPU, CUDA)", ("faster-whisper>=1.1",), size_gb=0.4),
    Recipe("funasr", "FunASR (torch)", ("torch", "funasr>=1.4", "kaldi-native-fbank", "transformers"), size_gb=2.2,
           note="transformers only for Fun-ASR-Nano"),
    Recipe("piper", "piper", ("piper-tts>=1.3", "onnx"), size_gb=0.3, note="GPL-3.0; onnx gives the times of words"),
    Recipe("kokoro", "kokoro-onnx", ("kokoro-onnx>=0.4",), size_gb=0.4, note="its phonemizer is GPL-3.0"),
    Recipe("mlx", "MLX: whisper, Spark, kokoro", ("mlx-audio>=0.6", "soxr", "numba", "more-itertools", "tiktoken"),
           nodeps=("mlx-whisper==0.4.3",), constraints=False, size_gb=1.0, note="Apple Silicon; on Linux for tests only"),
    Recipe("chatterbox", "chatterbox-streaming (CUDA)", ("chatterbox-streaming==0.1.2", "setuptools<81"), pythons=(11, 10),
           constraints=False, size_gb=6.0, note="pins torch 2.6.0"),
    Recipe("cosyvoice", "CosyVoice2 (CUDA, CPU)", _COSYVOICE_PACKAGES, pythons=(10,), constraints=False, size_gb=7.0,
           checkout="https://github.com/FunAudioLLM/CosyVoice", note="pins torch 2.3.1"),
    Recipe("spark", "Spark-TTS (torch)", _SPARK_PACKAGES, pythons=(12, 11, 10), constraints=False, size_gb=6.0,
           checkout="https://github.com/SparkAudio/Spark-TTS", note="weights are not for commercial use"),
)  # fmt: skip
_BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def find(name: str) -> Recipe | None:
    return _BY_NAME.get(name)
