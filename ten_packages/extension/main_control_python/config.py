"""Properties of the conversation. README.md has them as a table."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.turn.endpoint import EndpointSettings
from stream_talk.turn.history import INTERRUPTION_MARK

Interruption = Literal["off", "careful", "normal", "instant"]
Mode = Literal["auto", "push_to_talk", "manual"]


class MainControlConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    session_id: str = ""
    prompt: str = "You are a friendly voice assistant. Answer in short spoken sentences, without markup."
    language: str = "en-US"
    greeting: str = ""
    protect_greeting: bool = False
    output: Literal["speech", "text"] = "speech"

    # Turn-taking; all but the two endpoint figures can be changed live by `client_event{type: settings}`.
    mode: Mode = "auto"
    interruption: Interruption = "normal"
    patience: float = Field(0.5, ge=0.0, le=1.0)
    auto_response: bool = True
    endpoint_floor_ms: float = Field(200.0, ge=0.0, le=1200.0)
    endpoint_ceiling_ms: float = Field(1200.0, ge=0.0, le=1200.0)
    max_segment_ms: float = Field(25_000.0, ge=1_000.0)
    max_turn_chars: int = Field(12_000, ge=100)

    speculation: Literal["off", "text", "speech"] = "speech"
    speculation_max_drafts: int = Field(3, ge=0)
    speculation_max_wasted_ms: float = Field(10_000.0, ge=0.0)

    voice: str = ""
    rate: float = Field(1.0, ge=0.5, le=2.0)

    idle_prompt: str = ""
    idle_prompt_ms: float = Field(0.0, ge=0.0)

    history_max_tokens: int = Field(3000, ge=100)
    interruption_mark: str = INTERRUPTION_MARK
    memory_budget_ms: float = Field(100.0, ge=0.0)
    memory_turns: int = Field(20, ge=0)
    memory_load_ms: float = Field(500.0, ge=0)  # longest wait for an earlier conversation before this one begins

    max_reply_chars: int = Field(4000, ge=50)
    max_tool_rounds: int = Field(5, ge=0)
    speech_ahead_ms: float = Field(20_000.0, ge=1_000.0)
    asr_timeout_ms: float = Field(1_000.0, gt=0.0)
    llm_timeout_ms: float = Field(10_000.0, gt=0.0)
    tts_timeout_ms: float = Field(5_000.0, gt=0.0)
    tool_timeout_ms: float = Field(30_000.0, gt=0.0)
    llm_parameters: dict[str, float | int | str | bool] = Field(default_factory=dict)

    def endpoint(self) -> EndpointSettings:
        return EndpointSettings(self.endpoint_floor_ms, self.endpoint_ceiling_ms, self.patience)
