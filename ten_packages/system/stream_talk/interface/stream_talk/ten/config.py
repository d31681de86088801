"""Properties that all stages share. An extension's `config.py` derives from these and says what its `params` are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stream_talk.engines.environments import resolve_interpreter
from stream_talk.engines.host import HostSettings, Placement

_SECRET_PARTS = ("key", "token", "secret", "password", "authorization", "headers")


class EngineSettings(BaseModel):
    """Where and how the engine runs. `interpreter` names the Python of another environment for `placement: process`,
    `@NAME` one that `stream-talk engines install NAME` built."""

    placement: Placement | None = None
    interpreter: str = ""
    queue_limit: int = Field(default=256, ge=1)
    idle_ttl_ms: float | None = Field(default=None, gt=0)
    memory_limit_mb: float | None = Field(default=None, gt=0)

    def host_settings(self, default_placement: Placement) -> HostSettings:
        return HostSettings(
            self.placement or default_placement,
            self.queue_limit,
            self.idle_ttl_ms,
            self.memory_limit_mb,
            resolve_interpreter(self.interpreter),
        )


class FallbackSettings(BaseModel):
    """A second engine for the same role, by the name of its extension; takes over when the first fails or is late."""

    addon: str
    params: dict[str, Any] = Field(default_factory=dict)
    engine: EngineSettings = EngineSettings()
    late_ms: float = Field(default=700.0, gt=0)
    retry_after_ms: float = Field(default=30_000.0, ge=0)


class StageConfig(BaseModel):
    model_config = ConfigDict(extra="ignore")

    dump: bool = False
    dump_path: str = "."
    engine: EngineSettings = EngineSettings()
    fallback: FallbackSettings | None = None


class AsrConfig(StageConfig):
    auto_connect: bool = True
    sample_rate: int = Field(default=16000, ge=8000, le=48000)  # of incoming audio that does not state its own
    load_buffer_ms: int = Field(default=10_000, ge=0)  # audio kept while the engine loads
    end_silence_ms: int = Field(default=1000, ge=100)  # of audio time; ends a segment that nobody finalized
    max_segment_ms: int = Field(default=30_000, ge=1000)
    final_timeout_ms: float = Field(default=15_000, gt=0)  # an engine that takes longer for a final is restarted


class TtsConfig(StageConfig):
    enable_words: bool = True
    hold_text_ms: float = Field(default=200.0, ge=0)  # text without a clause end is spoken after this long without more
    max_lead_ms: float = Field(default=20_000.0, gt=0)  # how far synthesis may run ahead of the ear
    chunk_timeout_ms: float = Field(default=8_000.0, gt=0)  # an engine that is silent for longer is restarted


class LlmConfig(StageConfig):
    first_token_timeout_ms: float = Field(default=30_000.0, gt=0)
    token_timeout_ms: float = Field(default=20_000.0, gt=0)


class VadConfig(StageConfig):
    """Property names of TEN's own VAD where they mean the same."""

    vad_threshold: float = Field(default=0.5, gt=0, lt=1)
    release_threshold: float | None = Field(default=None, gt=0, lt=1)
    prefix_padding_ms: float = Field(default=120.0, ge=0)
    silence_duration_ms: float = Field(default=200.0, ge=0)
    still_dbfs: float = Field(
        default=-66.0, lt=0
    )  # a hop with no louder sample is silence, and the engine is not asked
    gate: bool = False
    pre_roll_ms: float = Field(default=300.0, ge=0)


def masked(value: Any) -> Any:
    """The same tree with everything that may be a secret made unreadable, for the log."""
    if isinstance(value, Mapping):
        return {key: _masked_entry(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    return value


def _masked_entry(key: str, value: Any) -> Any:
    secret = any(part in key.lower() for part in _SECRET_PARTS)
    if secret and isinstance(value, Mapping):
        return {name: "***" for name in value}
    return "***" if secret and isinstance(value, str) and value else masked(value)
