"""From a chosen graph file to a running TEN app, the same on the embedded runtime and on TEN's native one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stream_talk.graph import addon_roots, app_home, load_document, resolve_graph
from stream_talk.graph.variant import merge_trees
from ten_graph import FlatGraph, Node, load_graph_file

GATEWAY_ADDON = "gateway_python"
GATEWAY_FILE = "gateway.json"
PREDEFINED_NAME = "default"


@dataclass(frozen=True)
class Plan:
    """What will be started: a graph that runs by itself, or the gateway with a session graph for its clients."""

    file: Path
    graph: FlatGraph
    gateway: Node | None = None

    @property
    def url(self) -> str | None:
        if self.gateway is None:
            return None
        settings = self.gateway.property
        host = str(settings.get("host") or "127.0.0.1")
        shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
        is_secure = settings.get("tls_self_signed") is True or bool(settings.get("tls_certificate"))
        return f"{'https' if is_secure else 'http'}://{shown}:{settings.get('port', 8017)}/"


def prepare_imports(graph_file: Path) -> None:
    """Makes the addons of the app, and those beside the graph file, importable as `ten_packages.extension.*`."""
    home = app_home()
    os.environ.setdefault("TEN_APP_BASE_DIR", str(home))
    native = home / "ten_packages" / "system" / "ten_runtime_python"
    for directory in (native / "interface", native / "lib"):
        if directory.is_dir() and str(directory) not in sys.path:
            sys.path.insert(0, str(directory))
    for root in addon_roots(graph_file):
        if str(root) not in sys.path:
            sys.path.append(str(root))


def make_plan(graph_file: Path, settings: Mapping[str, Any]) -> Plan:
    """A graph with ports is a conversation: it is offered by the gateway. Any other graph is started as it is."""
    gateway_file = app_home() / "graphs" / GATEWAY_FILE
    is_session = bool(load_document(graph_file).graph.get("exposed_messages"))
    if not is_session or not gateway_file.is_file():
        graph = resolve_graph(graph_file)
        return Plan(graph_file, graph, _gateway_of(graph))
    resolve_graph(graph_file)  # what is wrong with it should be said now, not to the first client
    graph = _with_settings(resolve_graph(gateway_file), {**_session_settings(graph_file), **settings})
    return Plan(gateway_file, graph, _gateway_of(graph))


def _gateway_of(graph: FlatGraph) -> Node | None:
    return next((node for node in graph.nodes if node.addon == GATEWAY_ADDON), None)


def _session_settings(graph_file: Path) -> dict[str, Any]:
    """A graph of ours is chosen by name; one from elsewhere brings its directory."""
    graphs = app_home() / "graphs"
    if graph_file.resolve().parent == graphs.resolve():
        return {"default_graph": graph_file.stem}
    return {"default_graph": graph_file.stem, "graphs_dir": str(graph_file.resolve().parent)}


def _with_settings(graph: FlatGraph, settings: Mapping[str, Any]) -> FlatGraph:
    nodes = [
        replace(node, property=dict(merge_trees(node.property, settings))) if node.addon == GATEWAY_ADDON else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=nodes)


def app_property(graph: FlatGraph, log_level: str) -> dict[str, Any]:
    """property.json of the app with the plain graph in it."""
    file = app_home() / "property.json"
    tree = load_graph_file(file) if file.is_file() else {}
    predefined = [{"name": PREDEFINED_NAME, "auto_start": True, "graph": graph.to_dict()}]
    ten: dict[str, Any] = {"predefined_graphs": predefined}
    if log_level:
        ten["log"] = console_log(log_level)
    return dict(merge_trees(tree, {"ten": ten}))


def console_log(level: str) -> dict[str, Any]:
    formatter = {"type": "plain", "colored": sys.stderr.isatty()}
    emitter = {"type": "console", "config": {"stream": "stderr"}}
    return {"handlers": [{"matchers": [{"level": level}], "formatter": formatter, "emitter": emitter}]}


def run_app(properties: Mapping[str, Any]) -> str | None:
    """Runs until the app closes. Returns why it closed itself, where the runtime can tell."""
    from ten_runtime import App, TenEnv

    text = json.dumps(properties)

    class StreamTalkApp(App):
        def on_configure(self, ten_env: TenEnv) -> None:
            ten_env.init_property_from_json(text)
            ten_env.on_configure_done()

    app = StreamTalkApp()
    app.run(False)
    # TEN's native runtime has no such question: there a failed start ends the process itself.
    failure = app.failure() if hasattr(app, "failure") else None
    return failure.error_message() if failure is not None else None
