"""From measured turns to one page that opens without a network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape

from stream_talk_cli.report.charts import Series, column_chart, line_chart, share_chart
from stream_talk_cli.report.turns import Turn, groups, latencies, mean_waits, percentile, waited_for

_SLOWEST = 5
_MOST_DOTS = 2_000
_PATIENCE_MS = 800.0
_PATIENCE = "- - 800 ms: people start to repeat themselves"
# What a person waits for in each node of our graphs.
_WAITS = {
    "vad": "vad: hearing that the voice stopped",
    "stt": "stt: the last words",
    "turn_detection": "turn_detection: is it my turn?",
    "main_control": "main_control: is it my turn?",
    "llm": "llm: the first words of the reply",
    "tts": "tts: the first sound",
    "host": "host: on its way to the ear",
}
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --paper: #f6f6f2; --sheet: #fff; --quiet: #667085; --rule: #e4e4dd;
  --a: #2f6f9f; --b: #c8553d; --c: #7a5195; --d: #4d8b57; --e: #c9952c; --f: #7d8797; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --paper: #101318; --sheet: #181c23; --quiet: #98a2b3; --rule: #2a303a;
  --a: #6ba6d6; --b: #e88b76; --c: #b795d0; --d: #83bf8d; --e: #e0b65c; --f: #98a2b3; } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 880px; margin: 2.5rem auto;
  padding: 0 1rem }
h1 { font-weight: 650; letter-spacing: -.015em; margin: 0 } .when { color: var(--quiet); margin: .2rem 0 1.5rem }
.cards { display: grid; grid-template-columns: repeat(3, 1fr); gap: .75rem }
@media (max-width: 480px) { .cards { grid-template-columns: 1fr 1fr } }
.cards div, figure { background: var(--sheet); border: 1px solid var(--rule); border-radius: 12px }
.cards div { padding: .8rem 1rem } .cards b { display: block; font-size: 1.5rem; font-weight: 600; letter-spacing: -.02em }
.cards span { color: var(--quiet); font-size: .85rem; line-height: 1.3; display: block }
figure { margin: 1rem 0; padding: 1.1rem 1.2rem } figcaption { font-weight: 600; margin-bottom: .8rem }
figcaption small { display: block; font-weight: 400; color: var(--quiet) }
svg { width: 100%; display: block } svg text { font-size: 12px; fill: var(--quiet); font-variant-numeric: tabular-nums }
.grid { stroke: var(--rule) } .mark { stroke: var(--quiet); stroke-dasharray: 3 4 } .line { fill: none; stroke-width: 2 }
.dot { fill: var(--quiet); opacity: .45 } .a, .part0 { stroke: var(--a); --own: var(--a) } .b, .part1 { stroke: var(--b); --own: var(--b) }
.c, .part2 { stroke: var(--c); --own: var(--c) } .part3 { --own: var(--d) } .part4 { --own: var(--e) } .part5 { --own: var(--f) }
.solid { fill: var(--own); stroke: none }
table { border-collapse: collapse; width: 100%; margin-top: .8rem; font-size: .92rem }
td, th { padding: .3rem .8rem .3rem 0; text-align: left; font-weight: 400 } tr + tr > * { border-top: 1px solid var(--rule) }
td { font-variant-numeric: tabular-nums; white-space: nowrap; width: 1%; text-align: right }
td:last-child { padding-right: 0 }
th i { display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; margin-right: .6rem; background: var(--own) }
"""


def _labels(turns: Sequence[Turn]) -> list[str]:
    """The time at the left edge, in the middle, and at the right edge."""
    chosen = [turns[0], turns[len(turns) // 2], turns[-1]] if len(turns) > 2 else [turns[0], turns[-1]]
    days = {time.strftime("%Y-%m-%d", time.localtime(turn.ts_ms / 1000)) for turn in (turns[0], turns[-1])}
    shape = "%H:%M" if len(days) == 1 else "%d %b %H:%M"
    return [time.strftime(shape, time.localtime(turn.ts_ms / 1000)) for turn in chosen]


def _period(turns: Sequence[Turn]) -> str:
    first, last = (time.strftime("%Y-%m-%d %H:%M", time.localtime(t.ts_ms / 1000)) for t in (turns[0], turns[-1]))
    return f"{first} to {last}"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _share(turns: Sequence[Turn]) -> float:
    return 100 * sum(turn.interrupted for turn in turns) / len(turns)


def _cards(turns: Sequence[Turn], errors: int) -> str:
    known = latencies(turns)
    cards = [
        ("turns", f"{len(turns):,}"),
        ("conversations", f"{len({turn.session_id for turn in turns}):,}"),
        ("p50, speech end to first sound", _milliseconds(percentile(known, 0.5))),
        ("p95", _milliseconds(percentile(known, 0.95))),
        ("of the replies were interrupted", f"{_share(turns):.1f} %"),
        ("errors", f"{errors:,}"),
    ]
    shown = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in cards)
    return f'<div class="cards">{shown}</div>'


def _charts(turns: Sequence[Turn]) -> str:
    parts, labels = groups(turns), _labels(turns)
    each = f"Dots are turns in the order in which they happened; lines go over groups of about {len(parts[0])}."
    seen = turns[:: len(turns) // _MOST_DOTS + 1]
    latency = line_chart(
        "Speech end to first sound", each,
        [Series("p50", "a", [percentile(latencies(part), 0.5) for part in parts]),
         Series("p95", "b", [percentile(latencies(part), 0.95) for part in parts])],
        unit="ms", labels=labels, dots=[turn.ttfa_ms for turn in seen], mark=(_PATIENCE_MS, _PATIENCE),
    )  # fmt: skip
    interrupted = Series("interrupted", "c", [_share(part) for part in parts])
    interruptions = column_chart(
        "Replies that were interrupted", "Share of each group.", interrupted, unit="%", labels=labels
    )
    waits = [(_WAITS.get(node, node), value) for node, value in mean_waits(turns)]
    share = share_chart(
        "What a turn waits for", "Mean, from speech end to first sound. Stages overlap: each moment counts for the one that began last.",
        waits, unit="ms",
    )  # fmt: skip
    return latency + interruptions + (share if waits else "")


def _slowest(turns: Sequence[Turn]) -> str:
    slow = sorted((turn for turn in turns if turn.ttfa_ms is not None), key=lambda turn: -(turn.ttfa_ms or 0.0))
    rows = []
    for turn in slow[:_SLOWEST]:
        waits = waited_for(turn)
        longest = max(waits, key=lambda node: waits[node], default="")
        why = f"{waits[longest]:,.0f} ms in {longest}" if longest else ""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(turn.ts_ms / 1000))
        name = f"{turn.session_id}#{turn.number}"
        cells = "".join(f"<td>{escape(text)}</td>" for text in (when, _milliseconds(turn.ttfa_ms), why))
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    title = "<figcaption>The slowest turns<small>Search the log for the name (correlationId).</small></figcaption>"
    return f"<figure>{title}<table>{''.join(rows)}</table></figure>" if rows else ""


def render(turns: Sequence[Turn], errors: Sequence[tuple[str, int]]) -> str:
    """The page. With no turns it says so, and how to get some."""
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Stream-Talk report</title><style>{_STYLE}</style>"
    )
    if not turns:
        return f"{head}<h1>No turns measured yet</h1><p>Run <code>stream-talk worker analytics</code> beside a conversation.</p>"
    trouble = share_chart(
        "Errors by stage", "How often.", [(name, float(count)) for name, count in errors], unit="times"
    )
    return (
        f'{head}<h1>Stream-Talk report</h1><p class="when">{escape(_period(turns))}</p>'
        f"{_cards(turns, sum(count for _, count in errors))}{_charts(turns)}{trouble if errors else ''}{_slowest(turns)}"
    )
