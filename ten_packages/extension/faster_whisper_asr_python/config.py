"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import AsrConfig

from .options import WhisperOptions

DEFAULTS = WhisperOptions()


class WhisperParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = DEFAULTS.model
    language: str = DEFAULTS.language
    languages: list[str] = Field(default_factory=list)
    device: str = Field(DEFAULTS.device, pattern="^(auto|cpu|cuda)$")
    compute_type: str = DEFAULTS.compute_type
    cpu_threads: int = Field(DEFAULTS.cpu_threads, ge=0, le=256)
    beam_size: int = Field(DEFAULTS.beam_size, ge=1, le=20)
    hot_words: list[str] = Field(default_factory=list)
    prompt: str = DEFAULTS.prompt
    partials: bool = DEFAULTS.partials
    partial_interval_ms: int = Field(DEFAULTS.partial_interval_ms, ge=100, le=10_000)
    window_floor_ms: int = Field(DEFAULTS.window_floor_ms, ge=1000, le=30_000)
    window_margin_ms: int = Field(DEFAULTS.window_margin_ms, ge=0, le=10_000)
    download: bool = DEFAULTS.download
    download_dir: str = DEFAULTS.download_dir


class WhisperConfig(AsrConfig):
    params: WhisperParams = Field(default_factory=WhisperParams)
