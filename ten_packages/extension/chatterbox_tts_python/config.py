"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import TtsConfig

from .options import ChatterboxOptions

DEFAULTS = ChatterboxOptions()


class ChatterboxParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1)
    device: str = Field(DEFAULTS.device, pattern="^(auto|cuda|mps|cpu)$")
    voice: str = DEFAULTS.voice
    voices_dir: str = DEFAULTS.voices_dir
    exaggeration: float = Field(DEFAULTS.exaggeration, ge=0.0, le=2.0)
    cfg_weight: float = Field(DEFAULTS.cfg_weight, ge=0.0, le=2.0)
    temperature: float = Field(DEFAULTS.temperature, gt=0.0, le=2.0)
    top_p: float = Field(DEFAULTS.top_p, gt=0.0, le=1.0)
    repetition_penalty: float = Field(DEFAULTS.repetition_penalty, ge=1.0, le=5.0)
    watermark: bool = DEFAULTS.watermark
    allow_slow: bool = DEFAULTS.allow_slow
    seed: int | None = DEFAULTS.seed
    clause_pause_ms: int = Field(DEFAULTS.clause_pause_ms, ge=0, le=2000)
    sample_rate: int | None = Field(None, ge=8000, le=48000)
    """Of the frames sent; the model makes 24,000."""


class ChatterboxConfig(TtsConfig):
    params: ChatterboxParams
