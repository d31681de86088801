"""From measured turns to one page."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from stream_talk_cli.report.charts import Line, bar_chart, line_chart

_BUCKETS = 24
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --paper: #fcfcfa; --quiet: #6b7280; --bar: #3f7cac; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --paper: #14171d; --quiet: #9aa3b2; --bar: #6ba6d6; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 820px;
  margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-weight: 600; letter-spacing: -0.01em } figure { margin: 2rem 0 } figcaption { font-weight: 600; margin-bottom: .5rem }
svg { width: 100% } svg text { font-size: 12px; fill: var(--quiet) }
.axis { stroke: var(--quiet); fill: none } .line { fill: none; stroke-width: 2 }
rect { fill: var(--bar) } table { border-collapse: collapse } td, th { padding: .25rem 1.5rem .25rem 0; text-align: left }
td { font-variant-numeric: tabular-nums }
"""


@dataclass(slots=True)
class Turn:
    ts_ms: int
    ttfa_ms: float | None
    endpoint_ms: float | None
    interrupted: bool
    spans: list[dict[str, Any]]


def percentile(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def read_turns(connection: sqlite3.Connection) -> list[Turn]:
    rows = connection.execute("SELECT ts, ttfa_ms, endpoint_ms, interrupted, spans FROM turns ORDER BY ts")
    return [Turn(r["ts"], r["ttfa_ms"], r["endpoint_ms"], bool(r["interrupted"]), json.loads(r["spans"])) for r in rows]


def _buckets(turns: Sequence[Turn]) -> list[list[Turn]]:
    size = max(1, -(-len(turns) // _BUCKETS))
    return [list(turns[i : i + size]) for i in range(0, len(turns), size)]


def _latencies(turns: Sequence[Turn]) -> list[float]:
    return [turn.ttfa_ms for turn in turns if turn.ttfa_ms is not None]


def _when(ts_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(ts_ms / 1000))


def _engine_share(turns: Sequence[Turn]) -> list[tuple[str, float]]:
    """Mean milliseconds a turn spends in each node."""
    total: dict[str, float] = defaultdict(float)
    for turn in turns:
        for span in turn.spans:
            try:
                total[str(span.get("node") or span["name"])] += float(span["end_ms"]) - float(span["start_ms"])
            except (KeyError, TypeError, ValueError):
                continue
    return [(name, value / len(turns)) for name, value in total.items()]


def _table(rows: Sequence[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows) + "</table>"


def render(turns: Sequence[Turn], errors: Sequence[tuple[str, int]]) -> str:
    """The page. With no turns it says so, and how to get some."""
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Stream-Talk report</title><style>{_STYLE}</style>'
    )
    if not turns:
        return f"{head}<h1>No turns measured yet</h1><p>Run <code>stream-talk worker analytics</code> beside a conversation.</p>"
    latencies, buckets = _latencies(turns), _buckets(turns)
    left, right = _when(turns[0].ts_ms), _when(turns[-1].ts_ms)

    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.0f} ms"

    facts = [
        ("Turns", str(len(turns))),
        ("Speech end to first sound, p50", shown(percentile(latencies, 0.5))),
        ("Speech end to first sound, p95", shown(percentile(latencies, 0.95))),
        ("Interrupted replies", f"{100 * sum(t.interrupted for t in turns) / len(turns):.1f} %"),
        ("Errors", str(sum(count for _, count in errors))),
    ]
    latency = line_chart(
        "Speech end to first sound",
        [
            Line("p50", "#3f7cac", [percentile(_latencies(b), 0.5) for b in buckets]),
            Line("p95", "#c8553d", [percentile(_latencies(b), 0.95) for b in buckets]),
        ],
        unit="ms", left=left, right=right,
    )  # fmt: skip
    interruptions = line_chart(
        "Replies that were interrupted",
        [Line("share", "#7a5195", [100 * sum(t.interrupted for t in b) / len(b) for b in buckets])],
        unit="%", left=left, right=right,
    )  # fmt: skip
    share = bar_chart("Where a turn spends its time (mean)", _engine_share(turns), unit="ms")
    trouble = bar_chart("Errors by stage", [(name, float(count)) for name, count in errors], unit="") if errors else ""
    return f"{head}<h1>Stream-Talk report</h1>{_table(facts)}{latency}{interruptions}{share}{trouble}"
