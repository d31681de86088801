"""What every queue and graph of this process has done so far. Cheap: counters are kept anyway, reading makes the report.

Beyond TEN's API. All numbers are totals since the graph started, except ``depth``, ``early`` and ``tasks`` (now).
"""

from __future__ import annotations

from typing import Any

from ._core.content import KIND_NAMES
from ._core.engine import Engine
from ._core.extension_host import ExtensionHost
from ._core.registry import running_apps

__all__ = ["graph_ids", "process", "snapshot"]


def graph_ids() -> list[str]:
    """All graphs that run in this process."""
    return [graph_id for app in running_apps.all() for graph_id in list(app.engines)]


def snapshot(graph_id: str) -> dict[str, Any] | None:
    """One graph as a JSON-able object; ``None`` when it does not run."""
    for app in running_apps.all():
        engine = app.engines.get(graph_id)
        if engine is not None:
            return _graph(engine)
    return None


def process() -> dict[str, Any]:
    """Totals over all graphs."""
    graphs = [report for report in map(snapshot, graph_ids()) if report is not None]
    nodes = [node for graph in graphs for node in graph["nodes"]]
    return {
        "graphs": len(graphs),
        "nodes": len(nodes),
        "received": sum(node["received"] for node in nodes),
        "dropped": sum(node["dropped"] for node in nodes),
        "high_water": max((node["high_water"] for node in nodes), default=0),
    }


def _graph(engine: Engine) -> dict[str, Any]:
    hosts = list(engine.hosts.values())
    return {
        "graph_id": engine.graph_id,
        "name": engine.name,
        "nodes": [_node(host) for host in hosts],
        "edges": [*_edges(hosts), *_ports(engine)],
        "failure": None if engine.failure is None else engine.failure.error_message(),
    }


def _node(host: ExtensionHost) -> dict[str, Any]:
    return {
        "name": host.name,
        "addon": host.node.addon,
        "stage": host.stage.name.lower(),
        "depth": len(host.inbox),
        "early": len(host.early),
        "high_water": host.high_water,
        "limit": host.inbox_limit,
        "received": host.received,
        "dropped": host.dropped,
        "tasks": host.task_count(),
        "open_cmds_in": len(host.in_paths),
        "open_cmds_out": len(host.out_paths),
    }


def _edges(hosts: list[ExtensionHost]) -> list[dict[str, Any]]:
    return [
        {
            "from": host.name,
            "to": dest.target.source[2] if dest.target.graph_id == host.graph_id else "",
            "kind": KIND_NAMES[kind],
            "name": name,
            "messages": dest.sent,
        }
        for host in hosts
        for kind, table in enumerate(host.routes)
        for name, dests in table.items()
        for dest in dests
    ]


def _ports(engine: Engine) -> list[dict[str, Any]]:
    """Edges that enter the graph from its host; the host's name is empty."""
    return [
        {"from": "", "to": dest.target.source[2], "kind": KIND_NAMES[kind], "name": name, "messages": dest.sent}
        for kind, table in enumerate(engine.ports)
        for name, dests in table.items()
        for dest in dests
    ]
