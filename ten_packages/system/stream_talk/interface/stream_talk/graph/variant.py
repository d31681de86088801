"""Laying a variant over its base: nodes replaced or changed by name, edges and ports added or removed.

Pure functions over documents. Every item remembers the file and index it came from, so that a finding in the merged graph
names the line that a person can edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ten_graph import KINDS, Problem
from ten_graph.errors import did_you_mean

from stream_talk.graph import removal

SECTIONS = ("nodes", "connections", "exposed_messages", "exposed_properties")


@dataclass(frozen=True)
class Item:
    """One entry of a section and where it was written."""

    value: Any
    file: str
    index: int


Layers = dict[str, list[Item]]


def layers_of(doc: Mapping[str, Any], file: str) -> Layers:
    """The sections of one document. Sections that are no list are left to validation."""
    return {
        section: [Item(value, file, index) for index, value in enumerate(doc[section])]
        for section in SECTIONS
        if isinstance(doc.get(section), list)
    }


def lay_over(base: Layers, variant: Layers, problems: list[Problem]) -> Layers:
    merged = {section: list(base.get(section, [])) for section in SECTIONS}
    for item in variant.get("nodes", []):
        _lay_node(merged, item, problems)
    for item in variant.get("connections", []):
        _lay_connection(merged, item, problems)
    for section in ("exposed_messages", "exposed_properties"):
        for item in variant.get(section, []):
            _lay_exposed(merged, section, item, problems)
    return merged


def merge_trees(base: Any, over: Any) -> Any:
    """As TEN merges a node's property over property.json: objects recursively, everything else (lists too) replaced."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: merge_trees(base[key], value) if key in base else value for key, value in over.items()}}
    return over


def _removes(entry: object) -> bool:
    return isinstance(entry, Mapping) and entry.get("remove") is True


# nodes


def _lay_node(merged: Layers, item: Item, problems: list[Problem]) -> None:
    entry = item.value
    name = entry.get("name") if isinstance(entry, Mapping) else None
    nodes = merged["nodes"]
    at = (
        next((i for i, node in enumerate(nodes) if _name_of(node.value) == name), None)
        if isinstance(name, str)
        else None
    )
    if at is None:
        if isinstance(name, str) and (
            _removes(entry) or ("addon" not in entry and entry.get("type", "extension") == "extension")
        ):
            found = f'the base has no node "{name}" to {"remove" if _removes(entry) else "change"}'
            known = [str(_name_of(node.value)) for node in nodes]
            problems.append(Problem(f'nodes[{item.index}] "{name}"', found, did_you_mean(name, known), item.file))
        else:
            nodes.append(item)
    elif isinstance(name, str) and _removes(entry):
        del nodes[at]
        _forget(merged, name)
    else:
        nodes[at] = Item(_changed(nodes[at].value, entry), item.file, item.index)


def _name_of(node: object) -> object:
    return node.get("name") if isinstance(node, Mapping) else None


def _changed(old: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """With an addon (or another type) the node is a new one in the old place; without, its properties are laid over the old ones."""
    if "addon" in entry or "graph" in entry or "filter" in entry:
        kept = {key: old[key] for key in ("type", "extension_group", "app") if key in old and key not in entry}
        return {**kept, **entry} if entry.get("type", old.get("type")) == old.get("type") else dict(entry)
    return dict(merge_trees(old, entry))


def _forget(merged: Layers, name: str) -> None:
    """A removed node takes its edges and ports with it."""
    merged["connections"] = [
        Item(removal.without_node(item.value, name), item.file, item.index)
        for item in merged["connections"]
        if not removal.points_to(item.value, name)
    ]
    for section in ("exposed_messages", "exposed_properties"):
        merged[section] = [item for item in merged[section] if not removal.points_to(item.value, name)]


# connections


def _lay_connection(merged: Layers, item: Item, problems: list[Problem]) -> None:
    entry = item.value
    if not isinstance(entry, Mapping):
        merged["connections"].append(item)
        return
    added: dict[str, Any] = {}
    has_removed = False
    for key, flows in entry.items():
        if key not in KINDS or not isinstance(flows, list):
            added[key] = flows
            continue
        for index, flow in enumerate(flows):
            if not _removes(flow):
                continue
            has_removed = True
            if not _remove_edges(merged, entry, key, flow):
                where = f"connections[{item.index}].{key}[{index}]"
                problems.append(Problem(where, "the base has no such edge to remove", "remove this entry", item.file))
        kept = [flow for flow in flows if not _removes(flow)]
        if kept:
            added[key] = kept
    if not has_removed or any(kind in added for kind in KINDS):
        merged["connections"].append(Item(added, item.file, item.index))


def _remove_edges(merged: Layers, sender: Mapping[str, Any], kind: str, flow: Mapping[str, Any]) -> bool:
    """Whether there were any."""
    edges = removal.Edges.of(sender, kind, flow)
    if edges is None:
        return False
    changed = [Item(removal.without_edges(item.value, edges), item.file, item.index) for item in merged["connections"]]
    has_removed = changed != merged["connections"]
    merged["connections"] = changed
    return has_removed


# ports


def _lay_exposed(merged: Layers, section: str, item: Item, problems: list[Problem]) -> None:
    if not _removes(item.value):
        merged[section].append(item)
        return
    asked = {key: value for key, value in item.value.items() if key != "remove"}
    kept = [
        old
        for old in merged[section]
        if not (isinstance(old.value, Mapping) and all(old.value.get(key) == asked[key] for key in asked))
    ]
    if len(kept) == len(merged[section]):
        problems.append(
            Problem(f"{section}[{item.index}]", "the base has no such entry to remove", "remove this entry", item.file)
        )
    merged[section] = kept
