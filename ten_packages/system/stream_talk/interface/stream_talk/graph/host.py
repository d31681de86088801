"""Putting a host into a session graph: its ports become plain connections to one node."""

from __future__ import annotations

from dataclasses import replace

from ten_graph import Connection, Dest, FlatGraph, GraphError, Node


def attach_host(graph: FlatGraph, node: Node) -> FlatGraph:
    """The graph with `node` as its client. `*_in` ports are fed by the node, `*_out` ports lead to it; no port stays open."""
    if graph.node(node.name) is not None:
        raise GraphError(
            f'the graph already has a node "{node.name}"', where="nodes", remedy="give the host another name"
        )
    edges: dict[tuple[str, str, str, str], list[Dest]] = {
        (edge.extension, edge.app, edge.kind, edge.name): list(edge.dests) for edge in graph.connections
    }
    for port in graph.exposed_messages:
        inner = graph.node(port.extension)
        inner_app = inner.app if inner is not None else ""
        if port.direction == "in":
            sender, receiver = (node.name, node.app), Dest(port.extension, inner_app)
        else:
            sender, receiver = (port.extension, inner_app), Dest(node.name, node.app)
        dests = edges.setdefault((*sender, port.kind, port.name), [])
        if receiver not in dests:
            dests.append(receiver)
    connections = [Connection(*key, dests=dests) for key, dests in edges.items()]
    return replace(graph, nodes=[*graph.nodes, node], connections=connections, exposed_messages=[])
