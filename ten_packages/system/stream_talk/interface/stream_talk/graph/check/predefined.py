"""The graphs inside a TEN app's property.json, for those who keep them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ten_graph import Problem
from ten_graph.source import describe

from stream_talk.graph.document import Document
from stream_talk.graph.info import GraphInfo

KEY = "predefined_graphs"


def is_app_property(document: Document) -> bool:
    return any(key in document.graph for key in ("ten", "_ten")) and "nodes" not in document.graph


def predefined_graphs(document: Document) -> Iterator[tuple[str, Document | Problem]]:
    """(place, graph) of every entry; a Problem in place of an entry that holds no graph."""
    ten = document.graph.get("ten", document.graph.get("_ten"))
    entries = ten.get(KEY, []) if isinstance(ten, Mapping) else None
    if not isinstance(entries, list):
        yield "ten", Problem("", f"'{KEY}' must be a list of objects")
        return
    for index, entry in enumerate(entries):
        graph = entry.get("graph") if isinstance(entry, Mapping) else None
        place = f"ten.{KEY}[{index}]"
        if isinstance(graph, dict):
            yield f"{place}.graph", Document(document.path, graph, GraphInfo())
        else:
            yield place, Problem("", f"'graph' must be an object, this is {describe(graph)}")
