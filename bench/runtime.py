"""`stream-talk bench runtime`: what the embedded runtime costs. Each measurement runs in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HELP = "the embedded runtime: frames per second, command round trip, graph start and stop, memory, growth, start-up"


@dataclass(frozen=True)
class Row:
    """A line of the table: which figures a probe must reach."""

    probe: str
    quantity: str
    target: str
    figures: tuple[str, ...]
    limits: tuple[float, ...]
    at_least: bool = False

    def met(self, report: dict[str, Any]) -> bool:
        values = [report[figure]["median"] for figure in self.figures]
        if self.at_least:
            return all(value >= limit for value, limit in zip(values, self.limits, strict=True))
        return all(value <= limit for value, limit in zip(values, self.limits, strict=True))


ROWS = (
    Row(
        "chain",
        "audio frames (640 B) per second, five chained extensions",
        ">= 45000",
        ("frames_per_s",),
        (45_000,),
        True,
    ),
    Row("command", "command round trip, p50 / p99 [us]", "<= 40 / 200", ("p50_us", "p99_us"), (40, 200)),
    Row("latency", "one-hop delivery with 50 live graphs, p99 [ms]", "<= 2", ("p99_ms",), (2,)),
    Row("cycle", "start + stop of an 8-node graph [ms]", "<= 8", ("cycle_ms",), (8,)),
    Row("memory", "memory per idle 8-node graph [kB]", "<= 300", ("kb_per_graph",), (300,)),
    Row("growth", "growth over many starts and stops [bytes per graph]", "~ 0", ("bytes_per_graph",), (64,)),
    Row("startup", "import + app start to first message [ms]", "<= 250", ("startup_ms",), (250,)),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument(
        "--only", choices=[row.probe for row in ROWS], action="append", help="only this one (repeatable)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="runs per measurement; median and best are reported")
    parser.add_argument("--graphs", type=int, default=10_000, help="starts and stops for the growth measurement")


def run(args: argparse.Namespace) -> int:
    rows = [row for row in ROWS if not args.only or row.probe in args.only]
    reports: dict[str, dict[str, Any]] = {}
    for row in rows:
        repeats = 1 if row.probe == "growth" else args.repeats
        runs = [_probe(row.probe, args.graphs) for _ in range(repeats)]
        reports[row.probe] = _merge(runs, best=max if row.at_least else min)
        if not args.json:
            print(_line(row, reports[row.probe]), flush=True)
    if args.json:
        print(json.dumps({"machine": _machine(), "repeats": args.repeats, "results": reports}, indent=2))
    return 0


def _probe(name: str, graphs: int) -> dict[str, Any]:
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *filter(None, sys.path)])}
    command = [sys.executable, "-m", "bench.runtime_probes", name, str(graphs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the measurement {name} failed:\n{done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def _merge(runs: list[dict[str, Any]], *, best: Any) -> dict[str, Any]:
    """Median and best over the runs: the machine's other work only ever makes a figure worse."""
    merged: dict[str, Any] = {}
    for key in runs[0]:
        values = sorted(run[key] for run in runs)
        merged[key] = {"median": round(values[len(values) // 2], 3), "best": round(best(values), 3)}
    return merged


def _line(row: Row, report: dict[str, Any]) -> str:
    median = " / ".join(f"{report[figure]['median']:,.4g}" for figure in row.figures)
    best = " / ".join(f"{report[figure]['best']:,.4g}" for figure in row.figures)
    if row.at_least:
        median, best = (f"{report[row.figures[0]][kind]:,.0f}" for kind in ("median", "best"))
    verdict = "met" if row.met(report) else "MISSED"
    rest = {key: value["median"] for key, value in report.items() if key not in row.figures}
    more = f"  {rest}" if rest else ""
    return f"{row.quantity:<58} target {row.target:<12} median {median:<16} best {best:<16} {verdict}{more}"


def _machine() -> dict[str, Any]:
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }
