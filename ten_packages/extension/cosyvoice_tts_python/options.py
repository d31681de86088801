"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CosyvoiceOptions:
    repo_dir: str = ""
    """Checkout of FunAudioLLM/CosyVoice, cloned with its submodules."""
    model_dir: str = ""
    """Folder of CosyVoice2-0.5B, Fun-CosyVoice3-0.5B or CosyVoice-300M-SFT."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    voice: str = ""
    """A stored speaker of the model, or the name of a recording in `voices_dir`; empty is the first there is."""
    voices_dir: str = ""
    """NAME.wav (3 to 10 s, 16 kHz or more) beside NAME.txt (exactly what is said in it; without it the text is not used)."""
    fp16: bool = False
    load_jit: bool = False
    load_trt: bool = False
    text_frontend: bool = False
    """Upstream's own text normalisation; it may cut a clause again, each piece with its own first-sound delay."""
    first_hop_tokens: int = 25
    """Tokens (40 ms each) before the first sound. Below 25 is off the grid that the model was trained on."""
    seed: int | None = None
    clause_pause_ms: int = 140
    """Silence before each clause of a reply but the first."""
