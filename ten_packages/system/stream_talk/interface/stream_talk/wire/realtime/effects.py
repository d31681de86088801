"""What a message leads to: events for the client, wishes for the conversation, sound for its ears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, frozen=True)
class ToClient:
    event: dict[str, Any]
    generation: int | None = None
    """Marks sound, which a cut may drop while it waits to be written."""


@dataclass(slots=True, frozen=True)
class ToSession:
    event: dict[str, Any]


@dataclass(slots=True, frozen=True)
class Microphone:
    """At the session's input rate."""

    pcm: bytes


Effect = ToClient | ToSession | Microphone
