"""Properties of the host that plays recordings. README.md has them as a table."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class WavIoConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inputs: list[str] = Field(
        default_factory=list
    )  # `file.wav`, `file.pcm`, `-`, each with an optional `@ms`; `text:...`
    button: Literal["none", "push_to_talk", "commit"] = "none"
    output: str = ""
    messages_file: str = ""
    sample_rate: int = Field(16000, ge=8000, le=48000)
    output_sample_rate: int = Field(24000, ge=8000, le=48000)
    frame_ms: int = Field(20, ge=5, le=200)
    lead_ms: float = Field(300.0, ge=0)
    gap_ms: float = Field(400.0, ge=0)
    reply_timeout_ms: float = Field(15_000.0, gt=0)
    max_duration_ms: float = Field(3_600_000.0, gt=0)
    progress: Literal["none", "text"] = "none"
    close_app: bool = True
    hello: dict[str, Any] = Field(default_factory=dict)
