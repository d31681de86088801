"""What the report says about turns: percentiles, groups in time, and which stage a turn waited for."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_GROUPS = 24
_GROUP_OF_AT_LEAST = 5  # percentiles of fewer turns would be the turns themselves


@dataclass(slots=True)
class Turn:
    ts_ms: int
    ttfa_ms: float | None
    endpoint_ms: float | None
    interrupted: bool
    spans: list[dict[str, Any]]
    session_id: str = ""
    number: int = 0


def read_turns(connection: sqlite3.Connection) -> list[Turn]:
    rows = connection.execute(
        "SELECT ts, ttfa_ms, endpoint_ms, interrupted, spans, session_id, turn FROM turns ORDER BY ts"
    )
    return [
        Turn(r["ts"], r["ttfa_ms"], r["endpoint_ms"], bool(r["interrupted"]), json.loads(r["spans"]), r["session_id"], r["turn"])
        for r in rows
    ]  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def latencies(turns: Sequence[Turn]) -> list[float]:
    return [turn.ttfa_ms for turn in turns if turn.ttfa_ms is not None]


def groups(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Consecutive turns, in groups of nearly equal size."""
    count = max(1, min(_GROUPS, len(turns) // _GROUP_OF_AT_LEAST))
    edges = [round(number * len(turns) / count) for number in range(count + 1)]
    return [list(turns[a:b]) for a, b in itertools.pairwise(edges)]


def waited_for(turn: Turn) -> dict[str, float]:
    """Milliseconds from speech end to first sound, by node. Spans overlap: each moment belongs to the one that began last, because
    the others wait for it."""
    spans = sorted(_spans(turn), key=lambda span: (span[1], -span[2]))
    end_ms = turn.ttfa_ms if turn.ttfa_ms is not None else max((span[2] for span in spans), default=0.0)
    moments = sorted({0.0, end_ms, *(m for _, a, b in spans for m in (a, b) if 0.0 < m < end_ms)})
    waits: dict[str, float] = defaultdict(float)
    for start, stop in itertools.pairwise(moments):
        owner = next((node for node, a, b in reversed(spans) if a <= start and b >= stop), None)
        if owner is not None:
            waits[owner] += stop - start
    return dict(waits)


def _spans(turn: Turn) -> Iterator[tuple[str, float, float]]:
    for span in turn.spans:
        try:
            yield str(span.get("node") or span["name"]), float(span["start_ms"]), float(span["end_ms"])
        except (KeyError, TypeError, ValueError, AttributeError):
            continue


def mean_waits(turns: Sequence[Turn]) -> list[tuple[str, float]]:
    """Over the turns that were answered with sound, the longest wait first."""
    answered = [turn for turn in turns if turn.ttfa_ms is not None]
    total: dict[str, float] = defaultdict(float)
    for turn in answered:
        for node, waited_ms in waited_for(turn).items():
            total[node] += waited_ms / len(answered)
    return sorted(total.items(), key=lambda item: -item[1])
