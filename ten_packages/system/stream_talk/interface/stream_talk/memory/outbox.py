"""The outbox table: events wait here until they are delivered. Leases let several dispatchers share it.

Rules: events of one session leave in the order in which they were written; a session whose event failed waits for that event;
an event that failed too often is set aside as dead and its session goes on.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stream_talk.memory.database import transaction


@dataclass(slots=True)
class PendingEvent:
    id: int
    session_id: str
    turn: int
    type: str
    payload: str  # JSON, as it was written: a dispatcher has no business in it
    idempotency_key: str
    created_at_ms: int
    attempts: int

    def fields(self) -> dict[str, str]:
        """What goes on the wire; the shape is fixed by docs/memory.md."""
        return {
            "correlationId": f"{self.session_id}#{self.turn}",
            "sessionId": self.session_id,
            "turn": str(self.turn),
            "type": self.type,
            "payload": self.payload,
            "ts": str(self.created_at_ms),
            "idempotencyKey": self.idempotency_key,
        }


@dataclass(slots=True)
class RetryPolicy:
    base_ms: int = 200
    longest_ms: int = 30_000
    attempts_before_dead: int = 12

    def delay_ms(self, attempts: int, rng: random.Random) -> int:
        """Exponential, with full jitter so that many dispatchers do not come back at once."""
        ceiling = min(self.longest_ms, self.base_ms * 2 ** min(attempts, 20))
        return rng.randint(self.base_ms, max(self.base_ms, ceiling))


def lease(connection: sqlite3.Connection, owner: str, *, limit: int, now_ms: int, lease_ms: int) -> list[PendingEvent]:
    """Take up to `limit` events that are due, oldest first, skipping sessions whose earlier event is not free."""
    with transaction(connection):
        rows = connection.execute(
            """
            WITH blocked AS MATERIALIZED (
                SELECT session_id, min(id) AS first_id FROM outbox_events
                WHERE delivered_at IS NULL AND dead_at IS NULL AND (leased_until > :now OR next_attempt_at > :now)
                GROUP BY session_id)
            SELECT e.* FROM outbox_events e LEFT JOIN blocked b ON b.session_id = e.session_id AND b.first_id < e.id
            WHERE e.delivered_at IS NULL AND e.dead_at IS NULL AND e.leased_until <= :now AND e.next_attempt_at <= :now
              AND b.first_id IS NULL
            ORDER BY e.id LIMIT :limit
            """,
            {"now": now_ms, "limit": limit},
        ).fetchall()
        connection.executemany(
            "UPDATE outbox_events SET lease_owner = ?, leased_until = ? WHERE id = ?",
            [(owner, now_ms + lease_ms, row["id"]) for row in rows],
        )
    return [
        PendingEvent(
            row["id"], row["session_id"], row["turn"], row["type"], row["payload"],
            row["idempotency_key"], row["created_at"], row["attempts"],
        )
        for row in rows
    ]  # fmt: skip


def mark_delivered(connection: sqlite3.Connection, owner: str, ids: Iterable[int], now_ms: int) -> None:
    """Only the holder of the lease may say so: after an expired lease somebody else is responsible."""
    with transaction(connection):
        connection.executemany(
            "UPDATE outbox_events SET delivered_at = ?, lease_owner = NULL, leased_until = 0"
            " WHERE id = ? AND lease_owner = ?",
            [(now_ms, event_id, owner) for event_id in ids],
        )


def release(connection: sqlite3.Connection, owner: str, ids: Iterable[int]) -> None:
    """Give events back untried, for instance those behind a failed one of the same session."""
    with transaction(connection):
        connection.executemany(
            "UPDATE outbox_events SET lease_owner = NULL, leased_until = 0 WHERE id = ? AND lease_owner = ?",
            [(event_id, owner) for event_id in ids],
        )


def mark_failed(
    connection: sqlite3.Connection,
    owner: str,
    failures: Sequence[tuple[PendingEvent, str]],
    *,
    now_ms: int,
    policy: RetryPolicy,
    rng: random.Random,
) -> None:
    """Count an attempt against each; those that have had their last are set aside."""
    with transaction(connection):
        for event, error in failures:
            attempts = event.attempts + 1
            dead_at = now_ms if attempts >= policy.attempts_before_dead else None
            connection.execute(
                "UPDATE outbox_events SET attempts = ?, last_error = ?, next_attempt_at = ?, dead_at = ?,"
                " lease_owner = NULL, leased_until = 0 WHERE id = ? AND lease_owner = ?",
                (attempts, error[:500], now_ms + policy.delay_ms(attempts, rng), dead_at, event.id, owner),
            )


def set_aside(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """The dead, oldest first, with what was last said against each."""
    return connection.execute(
        "SELECT id, session_id, turn, type, attempts, last_error FROM outbox_events WHERE dead_at IS NOT NULL ORDER BY id"
    ).fetchall()


def revive(connection: sqlite3.Connection) -> int:
    """Let the dead try again from the beginning; returns how many."""
    return connection.execute(
        "UPDATE outbox_events SET dead_at = NULL, attempts = 0, next_attempt_at = 0 WHERE dead_at IS NOT NULL"
    ).rowcount


def forget_delivered(connection: sqlite3.Connection, before_ms: int) -> int:
    """Delivered events are kept a while for a look, then dropped."""
    return connection.execute("DELETE FROM outbox_events WHERE delivered_at < ?", (before_ms,)).rowcount


def statistics(connection: sqlite3.Connection) -> dict[str, int]:
    row = connection.execute(
        "SELECT sum(delivered_at IS NULL AND dead_at IS NULL) AS pending, sum(delivered_at IS NOT NULL) AS delivered,"
        " sum(dead_at IS NOT NULL) AS dead FROM outbox_events"
    ).fetchone()
    return {key: int(row[key] or 0) for key in ("pending", "delivered", "dead")}
