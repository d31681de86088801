"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import AsrConfig

from .options import FunAsrOptions

DEFAULTS = FunAsrOptions()


class FunAsrParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    streaming_model: str = DEFAULTS.streaming_model
    final_model: str = DEFAULTS.final_model
    punctuation_model: str = DEFAULTS.punctuation_model
    language: str = Field(DEFAULTS.language, pattern="^(auto|zh|en|yue|ja|ko)(-[A-Z]{2})?$")
    hot_words: list[str] = Field(default_factory=list)
    device: str = Field(DEFAULTS.device, pattern="^(cpu|cuda|mps)$")
    threads: int = Field(DEFAULTS.threads, ge=1, le=64)
    feed_ms: int = Field(DEFAULTS.feed_ms, ge=20, le=2000)
    chunk_size: list[int] = Field(default_factory=lambda: list(DEFAULTS.chunk_size), min_length=3, max_length=3)
    partial_interval_ms: int = Field(DEFAULTS.partial_interval_ms, ge=100, le=10_000)
    itn: bool = DEFAULTS.itn
    download: bool = DEFAULTS.download


class FunAsrConfig(AsrConfig):
    params: FunAsrParams = Field(default_factory=FunAsrParams)
