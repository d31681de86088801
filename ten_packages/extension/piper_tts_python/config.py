"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import TtsConfig

from .options import PiperOptions

DEFAULTS = PiperOptions()


class PiperParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1)
    config: str = DEFAULTS.config
    speaker: str = DEFAULTS.speaker
    rate: float = Field(DEFAULTS.rate, ge=0.4, le=2.5)
    volume: float = Field(DEFAULTS.volume, ge=0.0, le=2.0)
    noise_scale: float | None = Field(DEFAULTS.noise_scale, ge=0.0, le=2.0)
    noise_w_scale: float | None = Field(DEFAULTS.noise_w_scale, ge=0.0, le=2.0)
    clause_pause_ms: int = Field(DEFAULTS.clause_pause_ms, ge=0, le=2000)
    cuda: bool = DEFAULTS.cuda
    sample_rate: int | None = Field(None, ge=8000, le=48000)
    """Of the frames sent; the voice has its own."""


class PiperConfig(TtsConfig):
    params: PiperParams
