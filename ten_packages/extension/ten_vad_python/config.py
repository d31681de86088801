"""Properties of the ten-vad detector. Names and meaning are those of TEN's own extension where it has them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from stream_talk.ten.config import VadConfig


class TenVadConfig(VadConfig):
    prefix_padding_ms: float = 96.0
    release_threshold: float | None = Field(0.45, gt=0, lt=1)
    """ten-vad lets a vowel fade slowly: at 0.45 the end is reported 40 ms after the last sound, at 0.35 66 ms."""
    hop_size_ms: Literal[10, 16] = 16
    fallback_engines: list[str] = Field(default_factory=lambda: ["silero_vad_python", "energy"])
    """Tried in this order where ten-vad cannot run: folders of other VAD extensions, or `energy`."""
