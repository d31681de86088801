"""Properties of the espeak-ng voice."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import TtsConfig


class EspeakParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    voice: str = Field(min_length=1)
    """For text in letters: `en-us`, `de`, `fr`, with a variant `en-us+f3`... `stream-talk say --voices` lists them."""
    chinese_voice: str = Field("cmn", min_length=1)
    """For runs in Chinese characters: `cmn` (Mandarin) or `yue` (Cantonese)."""
    rate: float = Field(1.0, ge=0.4, le=2.5)
    pitch: float = Field(1.0, ge=0.0, le=2.0)
    volume: float = Field(1.0, ge=0.0, le=2.0)
    clause_pause_ms: int = Field(140, ge=0, le=2000)
    """Silence before each clause of a reply but the first."""
    sample_rate: int | None = Field(None, ge=8000, le=48000)
    """Of the frames sent; the library makes 22,050."""


class EspeakConfig(TtsConfig):
    params: EspeakParams
