"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PiperOptions:
    model: str = ""
    """Path of a voice: `en_US-lessac-medium.onnx`."""
    config: str = ""
    """Path of its description; empty is the model's name with `.json` behind it."""
    speaker: str = ""
    """Name or number, for voices of several speakers."""
    rate: float = 1.0
    """2.0 speaks twice as fast."""
    volume: float = 1.0
    noise_scale: float | None = None
    """How much the sound varies; None is what the voice was trained with."""
    noise_w_scale: float | None = None
    """How much the rhythm varies; None likewise."""
    clause_pause_ms: int = 140
    """Silence before each clause of a reply but the first."""
    cuda: bool = False
