"""Properties of the built-in talker."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RulesParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Literal["en", "zh"] = "en"
    """Spoken when the person's words do not tell (numbers only, nothing yet)."""
    token_delay_ms: float = Field(0.0, ge=0.0, le=1000.0)
    """Pause before each token, to feel like a model; 0 speaks at once."""
    timezone: str = ""
    """IANA name such as Europe/Paris; empty is the machine's own."""
