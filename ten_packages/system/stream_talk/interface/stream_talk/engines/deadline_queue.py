"""Work for one engine, most urgent first, bounded.

Sessions share engines, so somebody always waits. Who waits in silence goes first: the first chunk of a reply, then its next
chunks, then partial transcripts, then speculation. Within one lane (one ASR segment, one clause) order is never changed: a
more urgent job lifts everything queued before it in its lane.
"""

from __future__ import annotations

import bisect
import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from stream_talk import clock

T = TypeVar("T")


class Deadline(enum.IntEnum):
    """Smaller is more urgent."""

    FIRST_CHUNK = 0  # also a final transcript: a person is listening to silence
    NEXT_CHUNK = 1
    PARTIAL = 2
    SPECULATION = 3


class QueueFull(RuntimeError):
    """Nothing less urgent could be put aside for this job."""


@dataclass
class QueueStats:
    put: int = 0
    taken: int = 0
    discarded: int = 0
    evicted: int = 0
    refused: int = 0
    max_depth: int = 0
    max_wait_ms: dict[Deadline, float] = field(default_factory=dict)


@dataclass(order=True)
class _Entry(Generic[T]):
    rank: int
    sequence: int
    deadline: Deadline = field(compare=False)
    lane: str | None = field(compare=False)
    queued_at_ms: float = field(compare=False)
    item: T = field(compare=False)


class DeadlineQueue(Generic[T]):
    """Thread-safe. When it is full, the least urgent entry makes room for a more urgent one and is handed back as evicted."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._entries: list[_Entry[T]] = []
        self._sequence = 0
        self._closed = False
        self._ready = threading.Condition()
        self.stats = QueueStats()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, item: T, deadline: Deadline, lane: str | None = None) -> T | None:
        """Queue `item`; returns the entry that had to go instead, if any."""
        with self._ready:
            evicted = self._make_room(deadline) if len(self._entries) >= self._limit else None
            if lane is not None:
                self._lift_lane(lane, deadline)
            self._sequence += 1
            entry = _Entry(int(deadline), self._sequence, deadline, lane, clock.wall_ms(), item)
            bisect.insort(self._entries, entry)
            self.stats.put += 1
            self.stats.max_depth = max(self.stats.max_depth, len(self._entries))
            self._ready.notify()
            return evicted

    def get(self, timeout_ms: float | None = None) -> T | None:
        """The most urgent item; None when the timeout passed or the queue was closed and is empty."""
        with self._ready:
            if not self._entries and not self._closed:
                self._ready.wait(None if timeout_ms is None else timeout_ms / 1000.0)
            if not self._entries:
                return None
            entry = self._entries.pop(0)
            self.stats.taken += 1
            waited_ms = clock.wall_ms() - entry.queued_at_ms
            worst = self.stats.max_wait_ms.get(entry.deadline, 0.0)
            self.stats.max_wait_ms[entry.deadline] = max(worst, waited_ms)
            return entry.item

    def most_urgent(self) -> Deadline | None:
        """Deadline of what `get` would return; a hint, since other threads may put meanwhile."""
        entries = self._entries
        return Deadline(entries[0].rank) if entries else None

    def discard(self, matches: Callable[[T], bool]) -> list[T]:
        """Take out everything that matches, without running it."""
        with self._ready:
            gone = [e.item for e in self._entries if matches(e.item)]
            self._entries = [e for e in self._entries if not matches(e.item)]
            self.stats.discarded += len(gone)
            return gone

    def close(self) -> None:
        """Wake every waiting `get`. What is queued can still be taken."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def _make_room(self, deadline: Deadline) -> T:
        last = self._entries[-1]
        if last.rank <= deadline:
            self.stats.refused += 1
            raise QueueFull(f"{len(self._entries)} jobs are waiting and none is less urgent than {deadline.name}")
        self.stats.evicted += 1
        return self._entries.pop().item

    def _lift_lane(self, lane: str, deadline: Deadline) -> None:
        late = [e for e in self._entries if e.lane == lane and e.rank > deadline]
        if not late:
            return
        for entry in late:
            entry.rank = int(deadline)
        self._entries.sort()
