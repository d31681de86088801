"""What took how long in one turn: spans with a name, the node that did it, and both clocks.

The first clock is the conversation's (simulated under a virtual clock); the second is real time, so that a simulated run still shows what
the work itself cost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stream_talk import clock

_MAX_SPANS = 500  # an endless reply must not grow its trace for ever


@dataclass(slots=True)
class Span:
    name: str
    node: str
    start_ms: float
    end_ms: float
    wall_start_ms: float
    wall_end_ms: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "node": self.node,
            "start_ms": round(self.start_ms, 1),
            "end_ms": round(self.end_ms, 1),
            "wall_ms": round(self.wall_end_ms - self.wall_start_ms, 3),
        }


class Trace:
    """Spans of one turn. A mark is a span without length."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.dropped = 0
        self._open: dict[str, Span] = {}

    def begin(self, name: str, node: str = "", at_ms: float | None = None) -> None:
        """Open a span. `at_ms` is conversation time where the beginning lies in the past. Opening it twice starts it anew."""
        now_ms, wall_ms = clock.now_ms(), clock.wall_ms()
        start_ms = now_ms if at_ms is None else at_ms
        self._open[name] = Span(name, node, start_ms, start_ms, wall_ms - (now_ms - start_ms), wall_ms)

    def end(self, name: str, at_ms: float | None = None) -> None:
        """Close a span; one that is not open is ignored, since stages may answer after a cut."""
        span = self._open.pop(name, None)
        if span is None:
            return
        span.end_ms = clock.now_ms() if at_ms is None else at_ms
        span.wall_end_ms = clock.wall_ms()
        self._keep(span)

    def mark(self, name: str, node: str = "", at_ms: float | None = None) -> None:
        at_ms = clock.now_ms() if at_ms is None else at_ms
        wall_ms = clock.wall_ms()
        self._keep(Span(name, node, at_ms, at_ms, wall_ms, wall_ms))

    @contextlib.contextmanager
    def span(self, name: str, node: str = "") -> Iterator[None]:
        self.begin(name, node)
        try:
            yield
        finally:
            self.end(name)

    def first(self, name: str) -> Span | None:
        return next((span for span in self.spans if span.name == name), None)

    def between_ms(self, first: str, second: str) -> float | None:
        """From the start of one span to the start of another."""
        one, other = self.first(first), self.first(second)
        return None if one is None or other is None else other.start_ms - one.start_ms

    def as_list(self, origin_ms: float = 0.0) -> list[dict[str, Any]]:
        """Spans by start, times relative to `origin_ms`."""
        rows = []
        for span in sorted(self.spans, key=lambda s: (s.start_ms, s.end_ms)):
            row = span.as_dict()
            row["start_ms"] = round(span.start_ms - origin_ms, 1)
            row["end_ms"] = round(span.end_ms - origin_ms, 1)
            rows.append(row)
        return rows

    def _keep(self, span: Span) -> None:
        if len(self.spans) >= _MAX_SPANS:
            self.dropped += 1
            return
        self.spans.append(span)
