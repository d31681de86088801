"""Opens the memory file: WAL, durable commits, and a schema brought up to date step by step.

Durability is FULL on purpose: a turn that was announced as done must survive a power cut, and one small fsync per turn, off the
audio loop, is what that costs.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from stream_talk.memory.errors import MemoryUnavailable

BUSY_TIMEOUT_MS = 5_000

# Each step brings the schema from its index to the next number. Steps are never edited, only appended.
MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE conversations (
        session_id TEXT PRIMARY KEY,
        started_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        summary TEXT NOT NULL DEFAULT '',
        summary_through INTEGER NOT NULL DEFAULT -1
    );
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES conversations(session_id) ON DELETE CASCADE,
        turn INTEGER NOT NULL,
        role TEXT NOT NULL,
        text TEXT NOT NULL,
        heard_text TEXT,
        interrupted INTEGER NOT NULL DEFAULT 0,
        ts INTEGER NOT NULL,
        UNIQUE (session_id, turn, role)
    );
    CREATE TABLE outbox_events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        session_id TEXT NOT NULL,
        turn INTEGER NOT NULL,
        type TEXT NOT NULL,
        payload TEXT NOT NULL,
        idempotency_key TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_attempt_at INTEGER NOT NULL DEFAULT 0,
        lease_owner TEXT,
        leased_until INTEGER NOT NULL DEFAULT 0,
        delivered_at INTEGER,
        dead_at INTEGER,
        last_error TEXT
    );
    CREATE INDEX outbox_pending ON outbox_events (id) WHERE delivered_at IS NULL AND dead_at IS NULL;
    CREATE TABLE items (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        session_id TEXT NOT NULL DEFAULT '',
        turn INTEGER NOT NULL DEFAULT -1,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        embedding BLOB,
        embedding_model TEXT NOT NULL DEFAULT '',
        idempotency_key TEXT NOT NULL UNIQUE
    );
    CREATE VIRTUAL TABLE items_words USING fts5 (words, tokenize = 'unicode61');
    CREATE VIRTUAL TABLE items_vocabulary USING fts5vocab (items_words, row);
    """,
)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise MemoryUnavailable(
            f"{path} was written by a newer Stream-Talk (schema {version}, this one knows {len(MIGRATIONS)})",
            "update Stream-Talk, or set STREAM_TALK_DATA_DIR to another directory",
        )
    for number in range(version, len(MIGRATIONS)):
        # One transaction per step; executescript would commit early, so the script carries its own BEGIN.
        connection.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]}; PRAGMA user_version = {number + 1}; COMMIT;")


def _explain(error: sqlite3.Error, path: Path) -> MemoryUnavailable:
    text = str(error).lower()
    if "not a database" in text or "malformed" in text or "corrupt" in text:
        return MemoryUnavailable(
            f"{path} is damaged ({error})", f"move it away (a new one is made), or recover it: sqlite3 {path} .recover"
        )
    if "readonly" in text or "unable to open" in text or "permission" in text:
        return MemoryUnavailable(f"{path} cannot be written ({error})", "check the permissions of its directory")
    if "full" in text:
        return MemoryUnavailable(f"the disk that holds {path} is full", "free some space; nothing already said is lost")
    return MemoryUnavailable(f"{path}: {error}", "see docs/memory.md")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise _explain(error, path) from error
    except OSError as error:
        raise MemoryUnavailable(f"{path}: {error.strerror or error}", "check the path and its permissions") from error


def open_database(path: Path) -> sqlite3.Connection:
    """A connection for one thread. Creates the file and its directory, readable by their owner only."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path)
            path.chmod(0o600)
        except BaseException:
            connection.close()
            raise
        return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing. IMMEDIATE, so that two writers queue up instead of failing at commit."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
