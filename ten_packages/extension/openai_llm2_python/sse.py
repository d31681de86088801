"""Lines of an event stream as JSON objects, forgiving of what servers get wrong. No I/O."""

from __future__ import annotations

import json
from typing import Any

MAX_EVENT_CHARS = 1 << 20


class EventTooLong(RuntimeError):
    """A server that sends a megabyte without an end is not speaking this protocol."""


class EventLines:
    """Hands out each event at its last line instead of waiting for the empty one behind it: some servers leave that out."""

    def __init__(self) -> None:
        self._held = ""
        self.done = False
        self.garbage = ""
        """The beginning of whatever could not be understood."""

    def feed(self, line: str) -> dict[str, Any] | None:
        line = line.rstrip("\r\n")
        if not line:
            self._discard()
            return None
        if line.startswith(":") or line.startswith(("event:", "id:", "retry:")):
            return None
        # A bare object is what a server sends that forgot the prefix (newline-delimited JSON).
        data = line[5:] if line.startswith("data:") else line
        if data.strip() == "[DONE]":
            self.done = True
            return None
        return self._take(data)

    def _take(self, data: str) -> dict[str, Any] | None:
        self._held = f"{self._held}\n{data}" if self._held else data
        if len(self._held) > MAX_EVENT_CHARS:
            raise EventTooLong(f"an event of more than {MAX_EVENT_CHARS} characters")
        event = _object(self._held) or _object(data)
        if event is not None:
            self._held = ""
        return event

    def _discard(self) -> None:
        self.garbage = self.garbage or self._held[:200]
        self._held = ""

    def finish(self) -> None:
        self._discard()


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
