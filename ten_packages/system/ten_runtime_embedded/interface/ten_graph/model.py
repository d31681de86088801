"""A flat graph: extension nodes and, per sender and message, the list of receivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("cmd", "data", "audio_frame", "video_frame")
EXPOSED_TYPES = tuple(f"{kind}_{direction}" for kind in KINDS for direction in ("in", "out"))


@dataclass(frozen=True)
class Node:
    """`extension_group` and `app` are "" when the file does not state them."""

    name: str
    addon: str
    extension_group: str = ""
    app: str = ""
    property: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Dest:
    extension: str
    app: str = ""
    conversion: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Connection:
    """One message of one sender. `dests` is in graph order: explicit `dest` entries first, then reversed `source` ones."""

    extension: str
    app: str
    kind: str
    name: str
    dests: list[Dest]


@dataclass(frozen=True)
class ExposedMessage:
    """A port: `type` is one of EXPOSED_TYPES. The same port may be listed once per extension behind it."""

    type: str
    name: str
    extension: str

    @property
    def kind(self) -> str:
        return self.type.rpartition("_")[0]

    @property
    def direction(self) -> str:
        return self.type.rpartition("_")[2]


@dataclass(frozen=True)
class FlatGraph:
    """Connections and their parts may be shared between graphs of equal content: treat them as read-only."""

    nodes: list[Node]
    connections: list[Connection]
    exposed_messages: list[ExposedMessage] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def node(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """A plain TEN graph: only extension nodes, only flows of `name` and `dest`."""
        graph: dict[str, Any] = {"nodes": [_node_dict(node) for node in self.nodes]}
        sections: dict[tuple[str, str], dict[str, Any]] = {}
        for connection in self.connections:
            section = sections.setdefault(
                (connection.app, connection.extension), _loc(connection.extension, connection.app)
            )
            flow = {"name": connection.name, "dest": [_dest_dict(dest) for dest in connection.dests]}
            section.setdefault(connection.kind, []).append(flow)
        graph["connections"] = list(sections.values())
        if self.exposed_messages:
            graph["exposed_messages"] = [
                {"type": port.type, "name": port.name, "extension": port.extension} for port in self.exposed_messages
            ]
        return graph


def _loc(extension: str, app: str) -> dict[str, Any]:
    return {"app": app, "extension": extension} if app else {"extension": extension}


def _dest_dict(dest: Dest) -> dict[str, Any]:
    loc = _loc(dest.extension, dest.app)
    if dest.conversion is not None:
        loc["msg_conversion"] = copy_json(dest.conversion)
    return loc


def _node_dict(node: Node) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": "extension", "name": node.name, "addon": node.addon}
    if node.extension_group:
        fields["extension_group"] = node.extension_group
    if node.app:
        fields["app"] = node.app
    if node.property:
        fields["property"] = copy_json(node.property)
    return fields


def copy_json(tree: Any) -> Any:
    """Deep copy of a JSON value; several times faster than `copy.deepcopy`, which has to think of cycles."""
    if isinstance(tree, Mapping):
        return {key: copy_json(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [copy_json(value) for value in tree]
    return tree
