"""Properties of the stage; what the engine can be told is described in `options`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import TtsConfig

from .options import CosyvoiceOptions

DEFAULTS = CosyvoiceOptions()


class CosyvoiceParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    repo_dir: str = Field(min_length=1)
    model_dir: str = Field(min_length=1)
    device: str = Field(DEFAULTS.device, pattern="^(auto|cuda|mps|cpu)$")
    voice: str = DEFAULTS.voice
    voices_dir: str = DEFAULTS.voices_dir
    fp16: bool = DEFAULTS.fp16
    load_jit: bool = DEFAULTS.load_jit
    load_trt: bool = DEFAULTS.load_trt
    text_frontend: bool = DEFAULTS.text_frontend
    first_hop_tokens: int = Field(DEFAULTS.first_hop_tokens, ge=5, le=100)
    seed: int | None = DEFAULTS.seed
    clause_pause_ms: int = Field(DEFAULTS.clause_pause_ms, ge=0, le=2000)
    sample_rate: int | None = Field(None, ge=8000, le=48000)
    """Of the frames sent; the model makes 24,000 (300M: 22,050)."""


class CosyvoiceConfig(TtsConfig):
    params: CosyvoiceParams
