"""Properties of a model in LM Studio, reached through its SDK."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class LmStudioParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1:1234"
    model: str = ""
    """Empty takes the one that is loaded, or the only one that was downloaded. A model that is not loaded is loaded."""
    ttl_s: int = Field(3600, ge=0)
    """LM Studio unloads a model that it loaded for us after this long without a request; 0 keeps it."""
    context_length: int | None = Field(None, ge=256)
    """For a model that is loaded now; one that is loaded already keeps its own."""
    prompt: str = ""
    """System message used when the conversation brings none."""
    temperature: float | None = Field(None, ge=0.0, le=2.0)
    max_tokens: int | None = Field(1024, ge=1)
    starts_in_reasoning: bool = False
    """For chat templates that open `<think>` inside the prompt, where LM Studio does not split it off."""
    first_token_timeout_ms: float = Field(20_000, gt=0)
    idle_timeout_ms: float = Field(10_000, gt=0)
    load_timeout_ms: float = Field(300_000, gt=0)
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the SDK's prediction config, such as topPSampling or draftModel."""
