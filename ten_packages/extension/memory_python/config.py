"""Properties of memory_python."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator
from stream_talk.paths import memory_file


class EmbeddingConfig(BaseModel):
    base_url: str = Field(
        "", description="OpenAI-compatible endpoint; empty: `model` is a folder on this machine, or nothing"
    )
    model: str = ""
    api_key: str = ""


class MemoryConfig(BaseModel):
    path: str = Field("", description="memory file; empty: memory.db in the user's data directory")
    keep_turns: int = Field(20, ge=1, description="recent turns given to the model word for word")
    summary_tokens: int = Field(400, ge=0, description="size of the summary of older turns; 0: none")
    retention_days: int = Field(0, ge=0, description="forget conversations untouched for so long; 0: never")
    events_for: str = Field("", description="who wants events, such as the outbox's Redis URL; empty: none are written")
    long_term: Literal["off", "inline", "worker"] = Field(
        "inline", description="who finds facts to remember: nobody, this node, or `stream-talk worker ltm`"
    )
    search_limit: int = Field(5, ge=1, le=20)
    embeddings: EmbeddingConfig = Field(default_factory=EmbeddingConfig)

    @field_validator("long_term", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        """A variable that is set to nothing says nothing."""
        return value or "inline"

    @property
    def file(self) -> Path:
        return Path(self.path).expanduser() if self.path else memory_file()
