"""Properties of turn detection."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import StageConfig


class SmartTurnParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    enabled: bool = True
    """Used when its model is found; otherwise words and prosody decide."""
    model_path: str = ""
    repeat_ms: int = Field(300, ge=100)
    """Asked again after this much more silence."""
    max_repeats: int = Field(2, ge=0, le=10)


class ModelParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str = ""
    """Of an OpenAI-compatible server, such as http://localhost:8000/v1; empty: no model is asked."""
    model: str = "TEN_Turn_Detection"
    api_key: str = ""
    budget_ms: float = Field(300.0, ge=20, le=2000)
    temperature: float = Field(0.1, ge=0, le=2)
    top_p: float = Field(0.1, gt=0, le=1)


class TurnDetectionConfig(StageConfig):
    prosody: bool = True
    smart_turn: SmartTurnParams = Field(default_factory=SmartTurnParams)
    model: ModelParams = Field(default_factory=ModelParams)
    force_threshold_ms: float = 5000.0
    """For TEN's own control extensions (`text_data`): a turn is never held longer; 0 or less is off."""
