"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ChatterboxOptions:
    model: str = ""
    """Folder with ve.pt, t3_cfg.pt, s3gen.pt and tokenizer.json (and conds.pt, the built-in voice)."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    voice: str = ""
    """Empty is the built-in voice; otherwise the name of a recording (or .pt file) in `voices_dir`, or a path."""
    voices_dir: str = ""
    exaggeration: float = 0.5
    cfg_weight: float = 0.5
    temperature: float = 0.8
    top_p: float = 0.8
    repetition_penalty: float = 2.0
    watermark: bool = True
    """Mark the sound as synthetic with PerTh, as upstream does."""
    allow_slow: bool = False
    """Run on the CPU although it takes many seconds for one second of sound."""
    seed: int | None = None
    clause_pause_ms: int = 140
    """Silence before each clause of a reply but the first."""
