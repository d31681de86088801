"""Findings about edges: message names and types against the manifests at both ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ten_graph import Connection, Dest, Problem
from ten_graph.errors import did_you_mean
from ten_graph.schema import ObjectSchema, Schema

from stream_talk.graph.check.context import CheckContext
from stream_talk.graph.packages import Package

_INTS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_FLOATS = ("float32", "float64")


def merged_sections(context: CheckContext) -> Iterator[Problem]:
    """TEN's own tools ask for one section per extension."""
    seen: dict[tuple[str, str], int] = {}
    for index, connection in enumerate(
        context.document.graph.get("connections", []) if context.flat is not None else []
    ):
        if "extension" not in connection:
            continue
        # A variant adds sections to its base on purpose: only two in one file are a slip.
        file = context.document.origins.get(("connections", index), ("", 0))[0]
        first = seen.setdefault((file, f"{connection.get('app', '')}/{connection['extension']}"), index)
        if first != index:
            text = f'extension "{connection["extension"]}" has a second section'
            yield Problem(f"connections[{index}]", text, f"merge it into connections[{first}]")


def message_names(context: CheckContext) -> Iterator[Problem]:
    """Messages that the manifest at one end does not know. A manifest that lists none of a kind is silent about that kind."""
    for edge in context.flat.connections if context.flat is not None else ():
        where = edge_place(context, edge)
        yield from _undeclared(
            context.package_of_name(edge.extension), edge.extension, "out", edge.kind, edge.name, where
        )
        for dest in edge.dests:
            if dest.conversion is None:
                place = edge_place(context, edge, dest)
                yield from _undeclared(
                    context.package_of_name(dest.extension), dest.extension, "in", edge.kind, edge.name, place
                )


def ports(context: CheckContext) -> Iterator[Problem]:
    """Exposed messages that the extension behind them does not declare."""
    if context.flat is None:
        return
    for index, port in enumerate(context.document.graph.get("exposed_messages", [])):
        if "extension" in port:
            kind, _, direction = port["type"].rpartition("_")
            package = context.package_of_name(port["extension"])
            yield from _undeclared(
                package, port["extension"], direction, kind, port["name"], f"exposed_messages[{index}]"
            )


def message_types(context: CheckContext) -> Iterator[Problem]:
    """Properties that both ends declare, with types that do not convert."""
    for edge in context.flat.connections if context.flat is not None else ():
        sender = context.package_of_name(edge.extension)
        sent = sender.api.message_schema("out", edge.kind, edge.name) if sender is not None else None
        for dest in edge.dests if sent is not None else ():
            receiver = context.package_of_name(dest.extension)
            taken = receiver.api.message_schema("in", edge.kind, edge.name) if receiver is not None else None
            if sent is None or taken is None or dest.conversion is not None:
                continue
            for path, message in _incompatible(sent, taken, ""):
                where = edge_place(context, edge, dest)
                yield Problem(
                    where, f"property {path} {message}", "declare one type in both manifests, or add a msg_conversion"
                )


def edge_place(context: CheckContext, edge: Connection, dest: Dest | None = None) -> str:
    """The flow that makes an edge; described by its ends where it comes from a selector or a subgraph."""
    for index, connection in enumerate(context.document.graph.get("connections", [])):
        for number, flow in enumerate(connection.get(edge.kind, [])):
            if edge.name in (flow.get("name"), *flow.get("names", ())) and _makes(connection, flow, edge, dest):
                return f'connections[{index}].{edge.kind}[{number}] "{edge.name}"'
    return f'{edge.kind} "{edge.name}" from "{edge.extension}"' + (
        f' to "{dest.extension}"' if dest is not None else ""
    )


def _makes(connection: Mapping[str, Any], flow: Mapping[str, Any], edge: Connection, dest: Dest | None) -> bool:
    here = connection.get("extension")
    receivers = [dest.extension] if dest is not None else [receiver.extension for receiver in edge.dests]
    if here == edge.extension and any(end.get("extension") in receivers for end in flow.get("dest", ())):
        return True
    return here in receivers and any(end.get("extension") == edge.extension for end in flow.get("source", ()))


def _undeclared(
    package: Package | None, node: str, direction: str, kind: str, name: str, where: str
) -> Iterator[Problem]:
    declared = package.api.message_names(direction, kind) if package is not None else frozenset()
    if not declared or name in declared or package is None:
        return
    verb = "takes" if direction == "in" else "sends"
    yield Problem(where, f'"{node}" ({package.addon}) {verb} no {kind} "{name}"', did_you_mean(name, declared))


def _incompatible(sent: ObjectSchema, taken: ObjectSchema, path: str) -> Iterator[tuple[str, str]]:
    for key, schema in sent.properties.items():
        other = taken.properties.get(key)
        inner = f"{path}.{key}".lstrip(".")
        if other is None:
            continue
        if isinstance(schema, ObjectSchema) and isinstance(other, ObjectSchema):
            yield from _incompatible(schema, other, inner)
        elif not _converts(schema, other):
            yield inner, f"is sent as {schema.type} and taken as {other.type}"


def _converts(sent: Schema, taken: Schema) -> bool:
    if sent.type == taken.type or taken.type == "ptr":
        return True
    if taken.type in _FLOATS:
        return sent.type in (*_INTS, *_FLOATS)
    return sent.type in _INTS and taken.type in _INTS
