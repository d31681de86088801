"""The graphs inside a TEN app's property.json, for those who keep them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ten_graph import Problem
from ten_graph.source import describe
from ten_graph.validate import IDENTIFIER, unknown_keys

from stream_talk.graph.document import Document
from stream_talk.graph.info import GraphInfo

KEY = "predefined_graphs"
_FLAGS = ("auto_start", "singleton", "sync_stop_before_deinit")
_OLD_KEYS = ("nodes", "connections")


def is_app_property(document: Document) -> bool:
    return any(key in document.graph for key in ("ten", "_ten")) and "nodes" not in document.graph


def predefined_graphs(document: Document) -> Iterator[tuple[str, Document | Problem]]:
    """(place, graph) of every entry; a Problem in place of an entry that holds no graph."""
    ten = document.graph.get("ten", document.graph.get("_ten"))
    entries = ten.get(KEY, []) if isinstance(ten, Mapping) else None
    if not isinstance(entries, list):
        yield "ten", Problem("", f"'{KEY}' must be a list of objects")
        return
    names: set[str] = set()
    for index, entry in enumerate(entries):
        place = f"ten.{KEY}[{index}]"
        if not isinstance(entry, Mapping):
            yield place, Problem("", f"a predefined graph is an object, this is {describe(entry)}")
            continue
        for problem in _entry_problems(entry, names):
            yield place, problem
        # Older files have nodes and connections in the entry itself.
        graph = entry.get("graph", {key: entry[key] for key in _OLD_KEYS if key in entry})
        if isinstance(graph, dict) and graph:
            yield f"{place}.graph" if "graph" in entry else place, Document(document.path, graph, GraphInfo())
        else:
            yield place, Problem("", f"'graph' must be an object with nodes, this is {describe(entry.get('graph'))}")


def _entry_problems(entry: Mapping[str, Any], names: set[str]) -> Iterator[Problem]:
    yield from unknown_keys(entry, ("name", "graph", *_FLAGS, *_OLD_KEYS), "")
    name = entry.get("name")
    if not isinstance(name, str) or not IDENTIFIER.fullmatch(name):
        found = "'name' is missing" if name is None else f"'name' {name!r} is not an identifier"
        yield Problem("", found, "use letters, digits and _, and begin with no digit")
    elif name in names:
        yield Problem("", f'the name "{name}" is used twice', "give each graph its own name")
    else:
        names.add(name)
    for flag in _FLAGS:
        if not isinstance(entry.get(flag, False), bool):
            yield Problem("", f"'{flag}' is {describe(entry[flag])}", "write true or false")
