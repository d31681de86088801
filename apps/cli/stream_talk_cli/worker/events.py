"""An event as it travels in a stream (docs/memory.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, frozen=True)
class StreamEvent:
    """An event as docs/memory.md describes it."""

    session_id: str
    turn: int
    type: str
    payload: dict[str, Any]
    ts_ms: int
    idempotency_key: str

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> StreamEvent:
        payload = json.loads(fields["payload"])
        if not isinstance(payload, dict):
            raise ValueError("payload is not an object")
        return cls(
            fields["sessionId"],
            int(fields["turn"]),
            fields["type"],
            payload,
            int(fields["ts"]),
            fields["idempotencyKey"],
        )
