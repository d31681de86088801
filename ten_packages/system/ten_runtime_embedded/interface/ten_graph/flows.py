"""From the connections of one (valid) document to links: sender, kind and name -> receivers in order.

`names` become one flow each, selectors become the nodes they match, `source` is turned around. References to subgraphs are
still in place; `ten_graph.flatten` resolves them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ten_graph import selectors
from ten_graph.errors import GraphError
from ten_graph.model import KINDS

Conversion = Mapping[str, Any] | None


class Loc(NamedTuple):
    kind: str  # "extension" or "subgraph"
    app: str
    name: str


class Key(NamedTuple):
    sender: Loc
    kind: str
    name: str


class Links:
    """Receivers per sender and message, merged: no receiver twice, the first mention decides the order."""

    def __init__(self) -> None:
        self.receivers: dict[Key, dict[Loc, Conversion]] = {}

    def add(self, key: Key, receiver: Loc, conversion: Conversion) -> None:
        receivers = self.receivers.setdefault(key, {})
        if receiver not in receivers or (conversion is not None and receivers[receiver] is None):
            receivers[receiver] = conversion
        elif conversion is not None and receivers[receiver] != conversion:
            where = f'{key.kind} "{key.name}" from "{key.sender.name}" to "{receiver.name}"'
            raise GraphError("Duplicated message conversion.", where=where, remedy="keep one msg_conversion")


class Expander:
    """Knows the nodes of one document, for its selectors."""

    def __init__(self, doc: Mapping[str, Any]) -> None:
        nodes = doc.get("nodes", [])
        self._targets = [node for node in nodes if node["type"] != "selector"]
        self._filters = {node["name"]: node["filter"] for node in nodes if node["type"] == "selector"}
        self.notices: list[str] = []

    def links(self, doc: Mapping[str, Any]) -> Links:
        """All links of a document; the explicit `dest` entries come before the reversed `source` ones."""
        links = Links()
        reversed_links: list[tuple[Key, Loc]] = []
        for connection in doc.get("connections", []):
            here = self._locs(connection)
            for kind, name, flow in _flows(connection):
                for end in flow.get("dest", ()):
                    for sender in here:
                        for receiver in self._locs(end):
                            links.add(Key(sender, kind, name), receiver, end.get("msg_conversion"))
                for end in flow.get("source", ()):
                    reversed_links += [(Key(sender, kind, name), loc) for sender in self._locs(end) for loc in here]
        for key, receiver in reversed_links:
            links.add(key, receiver, None)
        return links

    def _locs(self, loc: Mapping[str, Any]) -> list[Loc]:
        if "extension" in loc:
            return [Loc("extension", loc.get("app", ""), loc["extension"])]
        if "subgraph" in loc:
            return [Loc("subgraph", "", loc["subgraph"])]
        matching = [node for node in self._targets if selectors.matches(self._filters[loc["selector"]], node)]
        if not matching:
            notice = f'selector "{loc["selector"]}" matches no node'
            if notice not in self.notices:
                self.notices.append(notice)
        return [
            Loc(node["type"], node.get("app", "") if node["type"] == "extension" else "", node["name"])
            for node in matching
        ]


def _flows(connection: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for kind in KINDS:
        for flow in connection.get(kind, ()):
            for name in [flow["name"]] if "name" in flow else flow["names"]:
                yield kind, name, flow
