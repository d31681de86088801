"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import TtsConfig

from .options import KokoroOptions

DEFAULTS = KokoroOptions()


class KokoroParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    backend: str = Field(DEFAULTS.backend, pattern="^(onnx|mlx)$")
    model: str = Field(min_length=1)
    voices: str = DEFAULTS.voices
    voice: str = Field(DEFAULTS.voice, min_length=1)
    lang: str = DEFAULTS.lang
    rate: float = Field(DEFAULTS.rate, ge=0.5, le=2.0)
    clause_pause_ms: int = Field(DEFAULTS.clause_pause_ms, ge=0, le=2000)
    sample_rate: int | None = Field(None, ge=8000, le=48000)
    """Of the frames sent; the model makes 24,000."""


class KokoroConfig(TtsConfig):
    params: KokoroParams
