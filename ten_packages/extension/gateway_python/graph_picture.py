"""The live graph as the page draws it (docs/protocols.md 1.9), from the runtime's counters and the turns' traces."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

KINDS = ("cmd", "data", "audio_frame", "video_frame")
CLIENT = "client"
"""The other end of edges that enter or leave the graph."""


class BusyTime:
    """How long each node worked on what a person waited for, summed over the traces of all turns."""

    def __init__(self) -> None:
        self._busy_ms: defaultdict[str, float] = defaultdict(float)

    def add(self, trace: Mapping[str, Any]) -> None:
        for span in trace.get("spans") or []:
            duration_ms = float(span.get("end_ms", 0)) - float(span.get("start_ms", 0))
            self._busy_ms[str(span.get("node", ""))] += max(0.0, duration_ms)

    def of(self, node: str) -> float:
        return round(self._busy_ms.get(node, 0.0), 1)


def _statistics() -> Any:
    """The embedded runtime's; None on a runtime that keeps none."""
    try:
        return importlib.import_module("ten_runtime.statistics")
    except ImportError:
        return None


def running_graph_count(default: int) -> int:
    statistics = _statistics()
    return default if statistics is None else len(statistics.graph_ids())


def running_picture(graph_id: str) -> dict[str, Any] | None:
    """None where the runtime cannot say."""
    statistics = _statistics()
    report = None if statistics is None else statistics.snapshot(graph_id)
    if report is None:
        return None
    nodes = [
        {
            "name": node["name"],
            "addon": node["addon"],
            "handled": node["received"],
            "queue": node["depth"],
            "queue_max": node["high_water"],
            "dropped": node["dropped"],
        }
        for node in report["nodes"]
    ]
    edges = [
        {
            "from": edge["from"] or CLIENT,
            "to": edge["to"] or CLIENT,
            "kind": edge["kind"],
            "name": edge["name"],
            "count": edge["messages"],
        }
        for edge in report["edges"]
    ]
    return {"nodes": nodes, "edges": edges}


def still_picture(document: Mapping[str, Any]) -> dict[str, Any]:
    """Who is wired to whom in a plain graph, without counters."""
    idle = {"handled": 0, "queue": 0, "queue_max": 0, "dropped": 0}
    edges = [
        {"from": section["extension"], "to": dest["extension"], "kind": kind, "name": flow["name"], "count": 0}
        for section in document["connections"]
        for kind in KINDS
        for flow in section.get(kind, [])
        for dest in flow["dest"]
    ]
    return {"nodes": [{"name": n["name"], "addon": n["addon"], **idle} for n in document["nodes"]], "edges": edges}
