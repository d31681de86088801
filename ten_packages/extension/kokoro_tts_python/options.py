"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class KokoroOptions:
    backend: Literal["onnx", "mlx"] = "onnx"
    """onnx runs everywhere; mlx on Apple Silicon, through mlx-audio."""
    model: str = ""
    """onnx: path of `kokoro-v1.0.onnx`. mlx: folder of `Kokoro-82M-bf16`."""
    voices: str = ""
    """onnx: path of `voices-v1.0.bin`. mlx finds its voices in the model's folder."""
    voice: str = "af_heart"
    lang: str = ""
    """Empty is the language of the voice, which its first letter tells."""
    rate: float = 1.0
    clause_pause_ms: int = 140
    """Silence before each clause of a reply but the first."""
