"""Short-term memory: what was said and heard, turn by turn."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stream_talk.memory.database import scrub, transaction

_TITLE_CHARS = 80


def storable(text: str) -> str:
    """A client's JSON may hold half a surrogate pair, which no file takes."""
    return text.encode("utf-8", "replace").decode()


@dataclass(slots=True)
class Entry:
    """One side of one turn. `heard_text` is None when all of `text` was heard (or spoken by the person)."""

    role: str
    text: str
    ts_ms: int
    heard_text: str | None = None
    interrupted: bool = False

    def __post_init__(self) -> None:
        self.text = storable(self.text)
        if self.heard_text is not None:
            self.heard_text = storable(self.heard_text)

    @property
    def remembered(self) -> str:
        """What history may claim: only what the person heard."""
        return self.text if self.heard_text is None else self.heard_text


@dataclass(slots=True)
class Event:
    """Something others may want to know, delivered at least once, with a key that makes its effect happen once."""

    type: str
    payload: dict[str, Any]
    idempotency_key: str


@dataclass(slots=True)
class History:
    messages: list[dict[str, str]] = field(default_factory=list)
    summary: str = ""
    last_turn: int = -1


@dataclass(slots=True)
class ConversationInfo:
    session_id: str
    started_at_ms: int
    updated_at_ms: int
    title: str
    turns: int


def estimated_tokens(text: str) -> int:
    """A cautious count: one per CJK character, one per four others."""
    wide = sum(1 for character in text if character >= "\u2e80")
    return wide + (len(text) - wide + 3) // 4 + 1


def append_turn(
    connection: sqlite3.Connection, session_id: str, turn: int, entries: Sequence[Entry], events: Sequence[Event]
) -> None:
    """Write a turn and its events in one transaction. Saying the same turn again replaces it and adds no event twice."""
    now = max((entry.ts_ms for entry in entries), default=0)
    with transaction(connection):
        title = next((e.text[:_TITLE_CHARS] for e in entries if e.role == "user"), "")
        connection.execute(
            "INSERT INTO conversations (session_id, started_at, updated_at, title) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (session_id) DO UPDATE SET updated_at = max(updated_at, excluded.updated_at),"
            " title = CASE WHEN title = '' THEN excluded.title ELSE title END",
            (session_id, now, now, title),
        )
        connection.executemany(
            "INSERT INTO turns (session_id, turn, role, text, heard_text, interrupted, ts) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (session_id, turn, role) DO UPDATE SET text = excluded.text,"
            " heard_text = excluded.heard_text, interrupted = excluded.interrupted, ts = excluded.ts",
            [(session_id, turn, e.role, e.text, e.heard_text, int(e.interrupted), e.ts_ms) for e in entries],
        )
        add_events(connection, session_id, turn, events, now)


def add_events(
    connection: sqlite3.Connection, session_id: str, turn: int, events: Sequence[Event], created_at_ms: int
) -> None:
    """Put events into the outbox; belongs inside the transaction of what they tell about."""
    connection.executemany(
        "INSERT INTO outbox_events (session_id, turn, type, payload, idempotency_key, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
        [
            (session_id, turn, e.type, storable(json.dumps(e.payload, ensure_ascii=False)), e.idempotency_key,
             created_at_ms)
            for e in events
        ],
    )  # fmt: skip


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(row["role"], row["text"], row["ts"], row["heard_text"], bool(row["interrupted"]))


def load_history(connection: sqlite3.Connection, session_id: str, *, max_turns: int, max_tokens: int) -> History:
    """The newest turns that fit the budget, oldest first, and the summary of what came before them."""
    conversation = connection.execute(
        "SELECT summary, summary_through FROM conversations WHERE session_id = ?", (session_id,)
    ).fetchone()
    if conversation is None:
        return History()
    rows = connection.execute(
        "SELECT * FROM turns WHERE session_id = ? AND turn > (SELECT max(turn) FROM turns WHERE session_id = ?) - ?"
        " ORDER BY turn DESC, role ASC",
        (session_id, session_id, max_turns),
    ).fetchall()
    history = History(summary=conversation["summary"], last_turn=rows[0]["turn"] if rows else -1)
    spent = estimated_tokens(history.summary)
    for row in rows:
        entry = _entry(row)
        spent += estimated_tokens(entry.remembered)
        if spent > max_tokens and history.messages:
            break
        if entry.remembered:
            history.messages.append({"role": entry.role, "content": entry.remembered})
    history.messages.reverse()
    return history


def turns_to_summarise(
    connection: sqlite3.Connection, session_id: str, *, keep_turns: int
) -> tuple[str, list[Entry], int]:
    """What the summary does not cover yet and the recent turns no longer do: (old summary, entries, their last turn)."""
    row = connection.execute(
        "SELECT summary, summary_through, (SELECT max(turn) FROM turns WHERE session_id = c.session_id) AS last"
        " FROM conversations c WHERE session_id = ?",
        (session_id,),
    ).fetchone()
    if row is None or row["last"] is None:
        return "", [], -1
    through = row["last"] - keep_turns
    entries = connection.execute(
        "SELECT * FROM turns WHERE session_id = ? AND turn > ? AND turn <= ? ORDER BY turn, role DESC",
        (session_id, row["summary_through"], through),
    ).fetchall()
    return row["summary"], [_entry(e) for e in entries], through


def save_summary(connection: sqlite3.Connection, session_id: str, summary: str, through_turn: int) -> None:
    connection.execute(
        "UPDATE conversations SET summary = ?, summary_through = ? WHERE session_id = ? AND summary_through < ?",
        (summary, through_turn, session_id, through_turn),
    )


def list_conversations(connection: sqlite3.Connection, *, limit: int = 100) -> list[ConversationInfo]:
    rows = connection.execute(
        "SELECT c.*, (SELECT count(DISTINCT turn) FROM turns t WHERE t.session_id = c.session_id) AS turns"
        " FROM conversations c ORDER BY updated_at DESC LIMIT ?",
        (limit,),
    )
    return [ConversationInfo(r["session_id"], r["started_at"], r["updated_at"], r["title"], r["turns"]) for r in rows]


def read_conversation(connection: sqlite3.Connection, session_id: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT turn, role, text, heard_text, interrupted, ts FROM turns WHERE session_id = ? ORDER BY turn, role DESC",
        (session_id,),
    )
    return [{**dict(row), "interrupted": bool(row["interrupted"])} for row in rows]


def delete_conversation(connection: sqlite3.Connection, session_id: str) -> bool:
    """Forget a conversation: its turns, what was remembered from it, and events that nobody has fetched yet."""
    deleted = _delete(connection, session_id)
    scrub(connection)
    return deleted


def _delete(connection: sqlite3.Connection, session_id: str) -> bool:
    with transaction(connection):
        connection.execute(
            "DELETE FROM items_words WHERE rowid IN (SELECT id FROM items WHERE session_id = ?)", (session_id,)
        )
        connection.execute("DELETE FROM items WHERE session_id = ?", (session_id,))
        connection.execute("DELETE FROM outbox_events WHERE session_id = ?", (session_id,))
        return connection.execute("DELETE FROM conversations WHERE session_id = ?", (session_id,)).rowcount > 0


def delete_older_than(connection: sqlite3.Connection, before_ms: int) -> int:
    """Retention: forget every conversation that was last touched before then. Returns how many."""
    old = connection.execute("SELECT session_id FROM conversations WHERE updated_at < ?", (before_ms,)).fetchall()
    for row in old:
        _delete(connection, row["session_id"])
    if old:
        scrub(connection)
    return len(old)


def delete_everything(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for table in ("items_words", "items", "outbox_events", "turns", "conversations"):
            connection.execute(f"DELETE FROM {table}")
    connection.execute("VACUUM")
    scrub(connection)
