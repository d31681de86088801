"""The analytics worker: one row per turn and per error in a SQLite file, which `stream-talk report` draws."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

from stream_talk.memory.database import explained, transaction

from stream_talk_cli.worker.events import StreamEvent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS turns (
    idempotency_key TEXT PRIMARY KEY, session_id TEXT NOT NULL, turn INTEGER NOT NULL, ts INTEGER NOT NULL,
    ttfa_ms REAL, endpoint_ms REAL, interrupted INTEGER NOT NULL DEFAULT 0,
    spans TEXT NOT NULL DEFAULT '[]');
CREATE TABLE IF NOT EXISTS errors (
    idempotency_key TEXT PRIMARY KEY, session_id TEXT NOT NULL, turn INTEGER NOT NULL, ts INTEGER NOT NULL,
    module TEXT NOT NULL, message TEXT NOT NULL);
"""
TURN_COLUMNS = ("session_id", "turn", "ts", "ttfa_ms", "endpoint_ms", "interrupted")


def open_analytics(path: Path) -> sqlite3.Connection:
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        return connection


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class AnalyticsHandler:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_analytics(path)

    def handle(self, events: list[StreamEvent]) -> None:
        with explained(self._path), transaction(self._connection):
            for event in events:
                if event.type == "analytics.turn":
                    self._turn(event)
                elif event.type == "analytics.error":
                    self._error(event)

    def close(self) -> None:
        self._connection.close()

    def _turn(self, event: StreamEvent) -> None:
        p = event.payload
        self._connection.execute(
            "INSERT OR REPLACE INTO turns (idempotency_key, session_id, turn, ts, ttfa_ms, endpoint_ms, interrupted, spans)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (event.idempotency_key, event.session_id, event.turn, event.ts_ms, _number(p.get("ttfa_ms")),
             _number(p.get("endpoint_ms")), int(bool(p.get("interrupted"))), json.dumps(p.get("spans") or [])),
        )  # fmt: skip

    def _error(self, event: StreamEvent) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO errors VALUES (?, ?, ?, ?, ?, ?)",
            (event.idempotency_key, event.session_id, event.turn, event.ts_ms, str(event.payload.get("module", "")),
             str(event.payload.get("message", ""))[:500]),
        )  # fmt: skip


def export_csv(connection: sqlite3.Connection, path: Path) -> int:
    """Write the turns as CSV; returns how many."""
    rows = connection.execute(f"SELECT {', '.join(TURN_COLUMNS)} FROM turns ORDER BY ts").fetchall()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(TURN_COLUMNS)
        writer.writerows(tuple(row) for row in rows)
    return len(rows)
