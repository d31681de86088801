"""Reads one stream as a member of a consumer group, so that every event's effect happens once.

Rules: an event is acknowledged after its effect is on disk; what another member left unfinished is taken over; an event that fails
again and again goes to `<stream>.dead` with its reason. Handlers must be idempotent by `idempotencyKey`: an event may come twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import redis
from stream_talk.memory.errors import MemoryUnavailable

from stream_talk_cli.worker.events import StreamEvent

_LOG = logging.getLogger(__name__)


class EventHandler(Protocol):
    def handle(self, events: list[StreamEvent]) -> None:
        """Make the effects of all events durable, or raise; then none may be half done."""

    def close(self) -> None: ...


@dataclass(slots=True)
class ConsumerSettings:
    stream: str
    group: str
    name: str
    count: int = 16
    block_ms: int = 2_000
    reclaim_idle_ms: int = 30_000
    deliveries_before_dead: int = 5


_Entry = tuple[str, dict[str, str]]


class Consumer:
    """One member of the group. `round` does one read and returns how many events it read; `finished` counts what it finished."""

    def __init__(self, client: redis.Redis, settings: ConsumerSettings, handler: EventHandler) -> None:
        self._redis = client
        self._settings = settings
        self._handler = handler
        # Where we are in what this name left behind; None when that is through.
        self._own_position: str | None = "0"
        self.finished = 0

    def join(self) -> None:
        """Create the group at the beginning of the stream: events older than the first worker count too."""
        try:
            self._redis.xgroup_create(self._settings.stream, self._settings.group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def round(self, *, block_ms: int | None = None) -> int:
        """First what this name left behind before a restart, then what dead members left, then what is new."""
        entries = self._left_behind() or self._abandoned() or self._new(block_ms)
        return self._process(entries)

    def run(self, stopping: Callable[[], bool]) -> None:
        while not stopping():
            self.round()

    def _left_behind(self) -> list[_Entry]:
        if self._own_position is None:
            return []
        entries = self._read(self._own_position, block_ms=None)
        self._own_position = entries[-1][0] if entries else None
        return [(entry_id, fields) for entry_id, fields in entries if fields]

    def _abandoned(self) -> list[_Entry]:
        s = self._settings
        answer = self._redis.xautoclaim(
            s.stream, s.group, s.name, min_idle_time=s.reclaim_idle_ms, start_id="0-0", count=s.count
        )
        # A claimed entry that MAXLEN has dropped meanwhile has no fields any more.
        return [(entry_id, fields) for entry_id, fields in answer[1] if fields]

    def _new(self, block_ms: int | None) -> list[_Entry]:
        return self._read(">", block_ms=self._settings.block_ms if block_ms is None else block_ms)

    def _read(self, position: str, *, block_ms: int | None) -> list[_Entry]:
        s = self._settings
        answer = self._redis.xreadgroup(s.group, s.name, {s.stream: position}, count=s.count, block=block_ms)
        return list(answer[0][1]) if answer else []

    def _process(self, entries: list[_Entry]) -> int:
        if not entries:
            return 0
        readable = self._bury_unreadable(entries)
        try:
            self._handler.handle([event for _, event in readable])
            done = [entry_id for entry_id, _ in readable]
        except MemoryUnavailable:
            # Not the events' fault: they stay pending until the store is back.
            raise
        except Exception as error:
            _LOG.warning("a batch of %d events failed (%s); trying them one by one", len(readable), error)
            done = [entry_id for entry_id, event in readable if self._handled_alone(entry_id, event)]
        self._acknowledge(done)
        self.finished += len(done)
        return len(entries)

    def _bury_unreadable(self, entries: list[_Entry]) -> list[tuple[str, StreamEvent]]:
        readable = []
        for entry_id, fields in entries:
            try:
                readable.append((entry_id, StreamEvent.from_fields(fields)))
            except (KeyError, ValueError, TypeError) as error:
                self._bury(entry_id, fields, f"unreadable: {error!r}")
        return readable

    def _handled_alone(self, entry_id: str, event: StreamEvent) -> bool:
        try:
            self._handler.handle([event])
        except Exception as error:
            if self._deliveries(entry_id) >= self._settings.deliveries_before_dead:
                raw = self._redis.xrange(self._settings.stream, entry_id, entry_id)
                self._bury(entry_id, raw[0][1] if raw else {}, repr(error))
            return False
        return True

    def _deliveries(self, entry_id: str) -> int:
        rows = self._redis.xpending_range(self._settings.stream, self._settings.group, entry_id, entry_id, 1)
        return int(rows[0]["times_delivered"]) if rows else 0

    def _bury(self, entry_id: str, fields: Mapping[str, str], why: str) -> None:
        _LOG.error("event %s of %s is set aside: %s", entry_id, self._settings.stream, why)
        self._redis.xadd(
            f"{self._settings.stream}.dead", {**fields, "error": why, "originalId": entry_id}, maxlen=10_000
        )
        self._acknowledge([entry_id])

    def _acknowledge(self, entry_ids: list[str]) -> None:
        if entry_ids:
            self._redis.xack(self._settings.stream, self._settings.group, *entry_ids)
