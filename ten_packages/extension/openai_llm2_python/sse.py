"""Lines of an event stream as JSON objects, forgiving of what servers get wrong. No I/O."""

from __future__ import annotations

import json
from typing import Any

MAX_EVENT_CHARS = 1 << 20
MAX_EVENT_LINES = 256


class EventTooLong(RuntimeError):
    """A server that sends a megabyte, or hundreds of lines, without an end is not speaking this protocol."""


class EventLines:
    """Hands out each event at its last line instead of waiting for the empty one behind it: some servers leave that out."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._held_chars = 0
        self.done = False
        self.garbage = ""
        """The beginning of whatever could not be understood."""

    def feed(self, line: str) -> dict[str, Any] | None:
        line = line.rstrip("\r\n")
        if not line:
            self._discard()
            return None
        if line.startswith((":", "event:", "id:", "retry:")):
            return None
        # A bare object is what a server sends that forgot the prefix (newline-delimited JSON).
        data = line[5:] if line.startswith("data:") else line
        if data.strip() == "[DONE]":
            self.done = True
            return None
        return self._take(data)

    def _take(self, data: str) -> dict[str, Any] | None:
        self._held.append(data)
        self._held_chars += len(data)
        if self._held_chars > MAX_EVENT_CHARS or len(self._held) > MAX_EVENT_LINES:
            raise EventTooLong(f"an event of {self._held_chars} characters on {len(self._held)} lines has no end")
        if not data.rstrip().endswith("}"):
            return None
        event = _object("\n".join(self._held)) or _object(data)
        if event is not None:
            self._forget()
        return event

    def _discard(self) -> None:
        self.garbage = self.garbage or "\n".join(self._held)[:200]
        self._forget()

    def _forget(self) -> None:
        self._held.clear()
        self._held_chars = 0

    def finish(self) -> None:
        self._discard()


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
