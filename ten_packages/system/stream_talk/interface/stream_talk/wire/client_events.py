"""Messages of a client that become `client_event` of the session graph (docs/messages.md), with their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT_CHARS = 8000
MAX_HISTORY_MESSAGES = 2000
Name = Annotated[str, Field(max_length=200)]
SpokenText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]


class Message(BaseModel):
    """Unknown fields are ignored, so that newer clients can talk to older servers."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, frozen=True)


class Settings(Message):
    voice: Name | None = None
    rate: Annotated[float, Field(ge=0.5, le=2.0)] | None = None
    patience: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    interruption: Literal["off", "careful", "normal", "instant"] | None = None
    mode: Literal["auto", "push_to_talk", "manual"] | None = None
    lang: Name | None = None
    auto_response: bool | None = None


class HistoryEntry(Message):
    role: Literal["user", "assistant", "system"]
    content: Annotated[str, Field(max_length=100_000)]


History = Annotated[list[HistoryEntry], Field(max_length=MAX_HISTORY_MESSAGES)]


class Event(Message):
    """A message that is passed on to the conversation as it is."""

    def to_client_event(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class Stop(Event):
    type: Literal["stop"]


class Text(Event):
    type: Literal["text"]
    text: SpokenText
    id: Name | None = None
    respond: bool | None = None


class Mute(Event):
    type: Literal["mute"]
    on: bool


class PushToTalk(Event):
    type: Literal["push_to_talk"]
    down: bool


class Clear(Event):
    type: Literal["clear"]


class Commit(Event):
    type: Literal["commit"]
    respond: bool | None = None


class CancelResponse(Event):
    type: Literal["cancel_response"]


class CreateResponse(Event):
    type: Literal["create_response"]
    instructions: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] | None = None


class Truncate(Event):
    type: Literal["truncate"]
    turn_id: Annotated[int, Field(ge=0, lt=1 << 31)]
    audio_end_ms: Annotated[float, Field(ge=0, le=1e8)]


class Say(Event):
    type: Literal["say"]
    text: SpokenText


class ChangeSettings(Event, Settings):
    type: Literal["settings"]


class SetHistory(Event):
    type: Literal["history"]
    messages: History


AnyEvent = (
    Stop
    | Text
    | Mute
    | PushToTalk
    | Clear
    | Commit
    | CancelResponse
    | CreateResponse
    | Truncate
    | Say
    | ChangeSettings
    | SetHistory
)
