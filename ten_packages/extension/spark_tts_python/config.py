"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import TtsConfig

from .options import SparkOptions

DEFAULTS = SparkOptions()
_LEVEL = "^(very_low|low|moderate|high|very_high)$"


class SparkParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    backend: str = Field(DEFAULTS.backend, pattern="^(auto|mlx|torch)$")
    model_dir: str = Field(min_length=1)
    repo_dir: str = DEFAULTS.repo_dir
    device: str = Field(DEFAULTS.device, pattern="^(auto|cuda|mps|cpu)$")
    voice: str = DEFAULTS.voice
    voices_dir: str = DEFAULTS.voices_dir
    gender: str = Field(DEFAULTS.gender, pattern="^(female|male)$")
    pitch: str = Field(DEFAULTS.pitch, pattern=_LEVEL)
    speed: str = Field(DEFAULTS.speed, pattern=_LEVEL)
    temperature: float = Field(DEFAULTS.temperature, gt=0.0, le=2.0)
    top_k: int = Field(DEFAULTS.top_k, ge=1, le=1000)
    top_p: float = Field(DEFAULTS.top_p, gt=0.0, le=1.0)
    seed: int | None = DEFAULTS.seed
    clause_pause_ms: int = Field(DEFAULTS.clause_pause_ms, ge=0, le=2000)
    sample_rate: int | None = Field(None, ge=8000, le=48000)
    """Of the frames sent; the model makes 16,000."""


class SparkConfig(TtsConfig):
    params: SparkParams
