"""A summary of old turns without a model: the telling part of what the person said, newest kept, within a size."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stream_talk.memory.conversations import Entry, estimated_tokens

_SENTENCE = re.compile(r"[^.!?。！？]+[.!?。！？]?")


def _gist(entry: Entry) -> str:
    match = _SENTENCE.search(entry.remembered.strip())
    return match.group(0).strip() if match else ""


def extend_summary(summary: str, entries: Sequence[Entry], *, max_tokens: int) -> str:
    """Add one line per thing said; when it grows too long, the oldest lines go."""
    lines = summary.splitlines()
    for entry in entries:
        gist = _gist(entry)
        if gist:
            lines.append(f"{'User' if entry.role == 'user' else 'Assistant'}: {gist}")
    while len(lines) > 1 and estimated_tokens("\n".join(lines)) > max_tokens:
        lines.pop(0)
    return "\n".join(lines)
