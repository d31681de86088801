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
from stream_talk.memory.facts import fact_key
from stream_talk.memory.vectors import signs_of

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
    # A narrow table of its own: the first look of a search by meaning reads all of it. `seq` is never used twice, so whoever keeps
    # vectors in memory sees what is new, and that something is gone. Keys no longer repeat a text that may be corrected later.
    """
    CREATE TABLE item_signs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        item_id INTEGER NOT NULL UNIQUE REFERENCES items(id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        signs BLOB NOT NULL
    );
    CREATE INDEX item_signs_model ON item_signs (model);
    INSERT INTO item_signs (item_id, model, signs)
        SELECT id, embedding_model, signs_of(embedding) FROM items WHERE embedding IS NOT NULL ORDER BY id;
    UPDATE items SET idempotency_key = fact_key(text) WHERE idempotency_key = 'fact/' || text;
    """,
)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise MemoryUnavailable(
            f"{path} was written by a newer Stream-Talk (schema {version}, this one knows {len(MIGRATIONS)})",
            "update Stream-Talk, or set STREAM_TALK_DATA_DIR to another directory",
        )
    connection.create_function("signs_of", 1, signs_of, deterministic=True)
    connection.create_function("fact_key", 1, fact_key, deterministic=True)
    while version < len(MIGRATIONS):
        # One transaction per step. Another process may have done the step while this one waited for its turn.
        with transaction(connection):
            if _version(connection) == version:
                for statement in _statements(MIGRATIONS[version]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
        version = _version(connection)


def _statements(script: str) -> Iterator[str]:
    """`executescript` would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


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
            # What is deleted is overwritten; SQLite would only mark its place as free.
            connection.execute("PRAGMA secure_delete = ON")
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
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled back already, and would complain of a second time.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def scrub(connection: sqlite3.Connection) -> None:
    """After deletions that a person asked for: deleted words linger in the segments of the full-text index, and in the log."""
    connection.execute("INSERT INTO items_words (items_words) VALUES ('optimize')")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
