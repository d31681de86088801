"""All that is remembered, for its owner to take away."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stream_talk.memory.conversations import list_conversations, read_conversation
from stream_talk.memory.long_term import SqliteLongTermStore


def exported(connection: sqlite3.Connection, sessions: Sequence[str] | None = None) -> dict[str, Any]:
    """These conversations, or all, with the facts."""
    chosen = [c.session_id for c in list_conversations(connection, limit=-1)] if sessions is None else sessions
    return {
        "conversations": {session: read_conversation(connection, session) for session in chosen},
        "items": [asdict(item) for item in SqliteLongTermStore(connection).list(limit=-1)],
    }
