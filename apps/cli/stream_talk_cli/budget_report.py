"""`stream-talk graph check --budget`: predicted first sound and memory of a graph on this machine, beside what a trace measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream_talk.graph import app_home, find_graph, resolve_graph
from stream_talk.graph.budget import Budget, Line, budget_of
from stream_talk.graph.packages import Packages

from stream_talk_cli.doctor.machine import memory_gb
from stream_talk_cli.doctor.probe import first_clause_ms
from stream_talk_cli.doctor.servers import ServerFound
from stream_talk_cli.errors import CommandError

_TARGET_MS = 800.0
# Beyond this, a declared figure and the measured one tell different stories.
_AGREEMENT = 1.5


def read_turns(trace: Path | None) -> list[dict[str, Any]]:
    if trace is None:
        return []
    try:
        turns = json.loads(trace.read_text("utf-8"))["turns"]
        return [turn for turn in turns if isinstance(turn, dict)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{trace} is no trace of `stream-talk talk --trace` ({error})") from None


def report(file: str, trace: Path | None, servers: Sequence[ServerFound] = ()) -> tuple[str, bool]:
    """The table, and whether the graph fits into this machine. A language model that runs here is asked how fast it is."""
    graph = resolve_graph(find_graph(file))
    packages = Packages([app_home()])
    folders = {node.addon: package.path for node in graph.nodes if (package := packages.find(node.addon)) is not None}
    budget = budget_of(graph, folders, read_turns(trace), first_clause_ms(graph.nodes, servers))
    here_mb = (memory_gb() or 0.0) * 1000
    fits = not here_mb or budget.memory_mb <= here_mb
    return "\n".join([f"{file}", *_rows(budget), *_sums(budget, here_mb)]), fits


def _rows(budget: Budget) -> list[str]:
    return [_row(line) for line in budget.lines if line.on_path or line.memory_mb is None]


def _row(line: Line) -> str:
    if line.probed_ms is not None:
        said = "probed just now: first clause of a short reply"
    elif line.declared.ms is None and line.on_path:
        said = "; ".join(
            filter(None, (line.declared.measured, "measure it: stream-talk talk --trace, then --reconcile"))
        )
    else:
        said = line.declared.measured
    declared = "?" if line.expected_ms is None else f"{line.expected_ms:.0f} ms"
    measured = "" if line.measured_ms is None else f"{line.measured_ms:.0f} ms{_verdict(line)}"
    memory = "?" if line.memory_mb is None else f"{line.memory_mb:.0f} MB"
    return f"  {line.node:<16} {declared:>8} {measured:>18} {memory:>8}  {said}"


def _verdict(line: Line) -> str:
    if not line.expected_ms or line.measured_ms is None:
        return ""
    ratio = line.measured_ms / line.expected_ms
    return "" if 1 / _AGREEMENT <= ratio <= _AGREEMENT else " (off)"


def _sums(budget: Budget, here_mb: float) -> list[str]:
    predicted, measured = budget.first_audio_ms, budget.measured_first_audio_ms
    rows = [
        "  speech end to first sound: "
        + (
            "unknown, because a stage of the path does not say"
            if predicted is None
            else f"about {predicted:.0f} ms predicted"
        )
        + ("" if measured is None else f", {measured:.0f} ms measured")
    ]
    if predicted is not None and predicted > _TARGET_MS:
        rows.append(f"  more than {_TARGET_MS:.0f} ms: people start to repeat themselves; look at the slowest row")
    rows.append(
        f"  memory: about {budget.memory_mb:.0f} MB of {here_mb:.0f} MB here"
        if here_mb
        else f"  memory: about {budget.memory_mb:.0f} MB"
    )
    if here_mb and budget.memory_mb > here_mb:
        rows.append("  this does not fit")
    return rows
