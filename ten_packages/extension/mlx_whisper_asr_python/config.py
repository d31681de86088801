"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import AsrConfig

from .options import MlxOptions

DEFAULTS = MlxOptions()


class MlxParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = DEFAULTS.model
    library: str = Field(DEFAULTS.library, pattern="^(mlx-audio|mlx-whisper)$")
    language: str = DEFAULTS.language
    hot_words: list[str] = Field(default_factory=list)
    prompt: str = DEFAULTS.prompt
    partials: bool = DEFAULTS.partials
    partial_interval_ms: int = Field(DEFAULTS.partial_interval_ms, ge=100, le=10_000)
    itn: bool = DEFAULTS.itn
    download: bool = DEFAULTS.download


class MlxConfig(AsrConfig):
    params: MlxParams = Field(default_factory=MlxParams)
