"""Taking nodes and edges out of the connections of a document, whichever way they are written (`dest` or `source`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ten_graph import KINDS

ENDS = ("dest", "source")
# (kind, names of the flow, "dest" or "source", one end) -> whether to keep it
Keep = Callable[[str, "frozenset[str]", str, Any], bool]


@dataclass(frozen=True)
class Edges:
    """The edges of one sender, kind and names; to some receivers, or to all when `receivers` is None."""

    sender: str
    kind: str
    names: frozenset[str]
    receivers: frozenset[object] | None

    @staticmethod
    def of(connection: Mapping[str, Any], kind: str, flow: Mapping[str, Any]) -> Edges | None:
        sender = target(connection)
        dests = flow.get("dest")
        receivers = frozenset(target(end) for end in dests) if isinstance(dests, list) else None
        return Edges(sender, kind, flow_names(flow), receivers) if sender is not None else None

    def has(self, owner: str | None, key: str, end: object) -> bool:
        sender, receiver = (owner, target(end)) if key == "dest" else (target(end), owner)
        return sender == self.sender and (self.receivers is None or receiver in self.receivers)


def without_edges(connection: Any, edges: Edges) -> Any:
    """A copy of a connection without some edges; equal to the original when it has none of them."""
    owner = target(connection)

    def keep(kind: str, names: frozenset[str], key: str, end: Any) -> bool:
        return not (kind == edges.kind and names & edges.names and edges.has(owner, key, end))

    separate = _one_flow_per_name(connection, edges)
    changed = _filtered(separate, keep)
    return connection if changed == separate else changed


def without_node(connection: Any, name: str) -> Any:
    return _filtered(connection, lambda _kind, _names, _key, end: not points_to(end, name))


def points_to(loc: object, name: str) -> bool:
    return isinstance(loc, Mapping) and name in (loc.get("extension"), loc.get("subgraph"), loc.get("selector"))


def target(loc: object) -> str | None:
    if not isinstance(loc, Mapping):
        return None
    name = next((loc[key] for key in ("extension", "subgraph") if key in loc), None)
    return name if isinstance(name, str) else None


def flow_names(flow: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(_listed_names(flow))


def _listed_names(flow: Mapping[str, Any]) -> Iterator[str]:
    names = [flow["name"]] if "name" in flow else flow.get("names")
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str):
            yield name


def _one_flow_per_name(connection: Any, edges: Edges) -> Any:
    """Of a flow with several `names`, perhaps only some lose an edge."""
    if not isinstance(connection, Mapping) or not isinstance(connection.get(edges.kind), list):
        return connection
    flows: list[Any] = []
    for flow in connection[edges.kind]:
        if isinstance(flow, Mapping) and isinstance(flow.get("names"), list) and flow_names(flow) & edges.names:
            rest = {key: value for key, value in flow.items() if key != "names"}
            flows += [{"name": name, **rest} for name in _listed_names(flow)]
        else:
            flows.append(flow)
    return {**connection, edges.kind: flows}


def _filtered(connection: Any, keep: Keep) -> Any:
    """A copy of a connection with only the ends to keep; a flow that loses its last end vanishes."""
    if not isinstance(connection, Mapping):
        return connection
    changed = dict(connection)
    for kind in KINDS:
        if isinstance(connection.get(kind), list):
            flows = (_filtered_flow(flow, kind, keep) for flow in connection[kind])
            changed[kind] = [flow for flow in flows if flow is not None]
    return changed


def _filtered_flow(flow: Any, kind: str, keep: Keep) -> Any:
    if not isinstance(flow, Mapping):
        return flow
    names = flow_names(flow)
    changed = dict(flow)
    for key in ENDS:
        ends = flow.get(key)
        if isinstance(ends, list) and ends:
            changed[key] = [end for end in ends if keep(kind, names, key, end)]
            if not changed[key]:
                return None
    return changed
