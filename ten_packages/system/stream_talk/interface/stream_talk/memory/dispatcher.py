"""Takes events out of the outbox and gives them to a sink until the sink has them.

`Dispatcher.step` is one round and never waits; `DispatcherThread` repeats it. A sink that is away as a whole (Redis down, out of
memory) costs no event an attempt: attempts are for events that the sink refuses.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stream_talk import clock
from stream_talk.memory import outbox
from stream_talk.memory.database import explained, open_database
from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.memory.outbox import PendingEvent, RetryPolicy

_LOG = logging.getLogger(__name__)


class SinkAway(Exception):
    """The sink as a whole cannot be reached or cannot take anything now."""


class EventSink(Protocol):
    def refuse(self, event: PendingEvent) -> str | None:
        """Why this event can never be taken as it is (too large, for instance); None when it can."""

    def deliver(self, events: Sequence[PendingEvent]) -> list[str | None]:
        """Try all, in order. For each: None when it is safely there, else why it was refused. Raises SinkAway."""

    def bury(self, events: Sequence[PendingEvent]) -> None:
        """Put events that were refused too often where a person can look at them. Raises SinkAway."""

    def close(self) -> None: ...


@dataclass(slots=True)
class DispatcherSettings:
    batch: int = 500
    lease_ms: int = 30_000
    flush_interval_ms: int = 500
    keep_delivered_ms: int = 24 * 3600 * 1000
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(slots=True)
class DispatcherStatistics:
    delivered: int = 0
    refused: int = 0
    dead: int = 0
    sink_away: int = 0


class Dispatcher:
    def __init__(
        self, path: Path, sink: EventSink, settings: DispatcherSettings, *, rng: random.Random | None = None
    ) -> None:
        self._path = path
        self._sink = sink
        self._settings = settings
        self._rng = rng or random.Random()
        self._owner = uuid.uuid4().hex
        self._connection: sqlite3.Connection | None = None
        self.statistics = DispatcherStatistics()

    def step(self) -> int:
        """Deliver one batch; returns how many events were taken. Raises SinkAway or MemoryUnavailable, leaving all as it was."""
        try:
            return self._step()
        except MemoryUnavailable:
            self._let_go()  # a full or unplugged disk may come back, and then needs a new connection
            raise

    def _step(self) -> int:
        with explained(self._path):
            connection = self._connection = self._connection or open_database(self._path)
            events = outbox.lease(
                connection,
                self._owner,
                limit=self._settings.batch,
                now_ms=clock.epoch_ms(),
                lease_ms=self._settings.lease_ms,
            )
            if not events:
                return 0
            try:
                self._deliver(connection, events)
            except Exception as error:
                self.statistics.sink_away += isinstance(error, SinkAway)
                outbox.release(connection, self._owner, [event.id for event in events])
                raise
            return len(events)

    def _deliver(self, connection: sqlite3.Connection, events: Sequence[PendingEvent]) -> None:
        """Send what can be sent; what stands behind a refused event of its session is given back untried."""
        refused: list[tuple[PendingEvent, str]] = []
        sendable: list[PendingEvent] = []
        held: list[int] = []
        stuck_sessions: set[str] = set()
        for event in events:
            if event.session_id in stuck_sessions:
                held.append(event.id)
            elif why := self._sink.refuse(event):
                refused.append((event, why))
                stuck_sessions.add(event.session_id)
            else:
                sendable.append(event)
        answers = self._sink.deliver(sendable)
        delivered = [event.id for event, why in zip(sendable, answers, strict=True) if why is None]
        refused += [(event, why) for event, why in zip(sendable, answers, strict=True) if why is not None]
        outbox.mark_delivered(connection, self._owner, delivered, clock.epoch_ms())
        outbox.release(connection, self._owner, held)
        self.statistics.delivered += len(delivered)
        if refused:
            self._count_failures(connection, refused)

    def _count_failures(self, connection: sqlite3.Connection, refused: Sequence[tuple[PendingEvent, str]]) -> None:
        self.statistics.refused += len(refused)
        policy = self._settings.retry
        dead = [event for event, _ in refused if event.attempts + 1 >= policy.attempts_before_dead]
        if dead:
            _LOG.error("%d events were refused too often and set aside: %s", len(dead), [event.id for event in dead])
            self._sink.bury(dead)  # before they are marked: when the sink goes away now, they are tried once more
            self.statistics.dead += len(dead)
        outbox.mark_failed(connection, self._owner, refused, now_ms=clock.epoch_ms(), policy=policy, rng=self._rng)

    def tidy(self) -> None:
        if self._connection is not None:
            with explained(self._path):
                outbox.forget_delivered(self._connection, clock.epoch_ms() - self._settings.keep_delivered_ms)

    def close(self) -> None:
        self._let_go()
        self._sink.close()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class DispatcherThread:
    """Runs a dispatcher until told to stop. Says once when the sink goes away and once when it is back."""

    _TIDY_EVERY_ROUNDS = 1_000

    def __init__(
        self, dispatcher: Dispatcher, settings: DispatcherSettings, *, report: Callable[[str], None] | None = None
    ) -> None:
        self._dispatcher = dispatcher
        self._settings = settings
        self._report = report or _LOG.warning
        self._wake = threading.Event()
        self._stopping = False
        self._failures = 0
        self._rng = random.Random()
        self._thread = threading.Thread(target=self._run, name="stream-talk-outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        rounds = 0
        try:
            while not self._stopping:
                taken = self._round()
                rounds += 1
                if rounds % self._TIDY_EVERY_ROUNDS == 0:
                    self._tidy()
                if not taken:
                    self._wake.wait(self._pause_ms() / 1000)
                    self._wake.clear()
        finally:
            self._dispatcher.close()

    def _round(self) -> int:
        try:
            taken = self._dispatcher.step()
        except (
            Exception
        ) as error:  # whatever it is, events wait and nothing is lost; a dead thread would deliver none any more
            if not isinstance(error, (SinkAway, MemoryUnavailable)):
                _LOG.exception("the dispatcher failed")
            if not self._failures:
                self._report(f"Events wait in the outbox: {error}")
            self._failures += 1
            return 0
        if self._failures:
            self._report("Events are delivered again.")
        self._failures = 0
        return taken

    def _tidy(self) -> None:
        try:
            self._dispatcher.tidy()
        except MemoryUnavailable as error:
            _LOG.warning("delivered events stay for now: %s", error)

    def _pause_ms(self) -> int:
        return (
            self._settings.retry.delay_ms(self._failures, self._rng)
            if self._failures
            else self._settings.flush_interval_ms
        )
