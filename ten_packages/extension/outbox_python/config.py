"""Properties of outbox_python."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field
from stream_talk.paths import memory_file


class OutboxConfig(BaseModel):
    redis_url: str = Field("", description="where events go; empty, the default: nowhere, and nothing needs Redis")
    path: str = Field("", description="memory file; empty: memory.db in the user's data directory")
    batch: int = Field(500, ge=1, le=10_000)
    flush_interval_ms: int = Field(500, ge=10)
    max_stream_length: int = Field(100_000, ge=1)
    max_event_bytes: int = Field(1_000_000, ge=1_000)
    attempts_before_dead: int = Field(12, ge=1)

    @property
    def file(self) -> Path:
        return Path(self.path).expanduser() if self.path else memory_file()
