"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SparkOptions:
    backend: Literal["auto", "mlx", "torch"] = "auto"
    """auto looks at the model's folder: mlx-community's has its LM at the root, upstream's in `LLM/`."""
    model_dir: str = ""
    repo_dir: str = ""
    """torch only: checkout of SparkAudio/Spark-TTS."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """torch only; auto is cuda, then mps, then cpu."""
    voice: str = ""
    """Name of a recording or of a stored voice in `voices_dir`; empty is a voice made from the style."""
    voices_dir: str = ""
    """NAME.wav, with NAME.txt beside it for closer prosody; created voices are kept here as NAME.json."""
    gender: str = "female"
    pitch: str = "moderate"
    speed: str = "moderate"
    temperature: float = 0.8
    top_k: int = 50
    top_p: float = 0.95
    seed: int | None = None
    clause_pause_ms: int = 140
    """Silence before each clause of a reply but the first."""
