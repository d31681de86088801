"""Everything that can be wrong with one graph document by itself, found in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ten_graph import conversion, selectors
from ten_graph.errors import Problem, did_you_mean
from ten_graph.model import EXPOSED_TYPES, KINDS
from ten_graph.source import describe

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LOCS = ("extension", "subgraph", "selector")
DOCUMENT_KEYS = ("nodes", "connections", "exposed_messages", "exposed_properties", "import_uri")
NODE_KEYS = {
    "extension": ("type", "name", "addon", "extension_group", "app", "property"),
    "subgraph": ("type", "name", "graph", "property"),
    "selector": ("type", "name", "filter"),
}


def problems(doc: object, *, strict: bool = False) -> Iterator[Problem]:
    """All findings. `strict` adds what TEN's schema asks of files, but not of graphs built in code: identifiers, known keys, no nulls."""
    if not isinstance(doc, Mapping):
        yield Problem("", f"a graph is a JSON object, this is {describe(doc)}")
        return
    if strict:
        yield from unknown_keys(doc, DOCUMENT_KEYS, "")
    if "import_uri" in doc:
        yield from _import_problems(doc)
        return
    for key in ("nodes", "connections", "exposed_messages", "exposed_properties"):
        if not isinstance(doc.get(key, []), list):
            yield Problem(key, f"must be a list, this is {describe(doc[key])}")
    names = _Names(doc)
    yield from _node_problems(items(doc, "nodes"), strict)
    yield from _app_problems(items(doc, "nodes"))
    for index, connection in enumerate(items(doc, "connections")):
        yield from _connection_problems(connection, f"connections[{index}]", names, strict)
    yield from _exposed_problems(doc, names, strict)


def items(doc: Mapping[str, Any], key: str) -> list[Any]:
    value = doc.get(key)
    return value if isinstance(value, list) else []


def node_place(index: int, node: object) -> str:
    name = node.get("name") if isinstance(node, Mapping) else None
    return f'nodes[{index}] "{name}"' if isinstance(name, str) else f"nodes[{index}]"


def unknown_keys(tree: Mapping[str, Any], known: tuple[str, ...], where: str) -> Iterator[Problem]:
    for key in tree:
        if key not in known:
            yield Problem(where, f'unknown key "{key}"', did_you_mean(str(key), known))


class _Names:
    """The names that references may point to."""

    def __init__(self, doc: Mapping[str, Any]) -> None:
        nodes = [
            node for node in items(doc, "nodes") if isinstance(node, Mapping) and isinstance(node.get("name"), str)
        ]
        self.extensions = {
            (node.get("app") or "", node["name"]) for node in nodes if node.get("type") == "extension" and _is_app(node)
        }
        self.of_type = {kind: {node["name"] for node in nodes if node.get("type") == kind} for kind in LOCS}

    def remedy(self, kind: str, name: str) -> str:
        return did_you_mean(
            name, self.of_type[kind], otherwise="" if self.of_type[kind] else f"the graph has no {kind} node"
        )


def _is_app(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("app", ""), str)


def _import_problems(doc: Mapping[str, Any]) -> Iterator[Problem]:
    for key in DOCUMENT_KEYS[:-1]:
        if key in doc:
            yield Problem(
                key, f"When 'import_uri' is specified, '{key}' field must not be present", "keep one of the two"
            )
    if not isinstance(doc["import_uri"], str):
        yield Problem("import_uri", f"must be a string, this is {describe(doc['import_uri'])}")


# nodes


def _node_problems(nodes: list[Any], strict: bool) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for index, node in enumerate(nodes):
        where = node_place(index, node)
        if not isinstance(node, Mapping):
            yield Problem(where, f"a node is an object, this is {describe(node)}")
            continue
        kind = node.get("type")
        if not isinstance(kind, str) or kind not in NODE_KEYS:
            found = f'unknown node type "{kind}"' if isinstance(kind, str) else "the node has no 'type'"
            yield Problem(where, found, did_you_mean(str(kind), NODE_KEYS) if kind else 'write "type": "extension"')
            continue
        if strict:
            yield from unknown_keys(node, NODE_KEYS[kind], where)
        yield from _name_problems(node, "name", where, strict)
        yield from _NODE_CHECKS[kind](node, where, strict)
        if isinstance(node.get("name"), str) and _is_app(node):
            key = (node.get("app") or "", node["name"])
            if key in seen:
                addon = node.get("addon", kind)
                text = f"Duplicated extension was found in nodes[{index}], addon: {addon}, name: {node['name']}."
                yield Problem(where, text, "give each node its own name")
            seen.add(key)


def _extension_problems(node: Mapping[str, Any], where: str, strict: bool) -> Iterator[Problem]:
    yield from _name_problems(node, "addon", where, strict)
    if "extension_group" in node:
        yield from _name_problems(node, "extension_group", where, strict)
    yield from _property_problems(node, where, strict)


def _subgraph_problems(node: Mapping[str, Any], where: str, strict: bool) -> Iterator[Problem]:
    graph = node.get("graph")
    if not isinstance(graph, Mapping) or not isinstance(graph.get("import_uri"), str):
        yield Problem(
            where, "a subgraph node needs 'graph' with an 'import_uri'", 'write "graph": {"import_uri": "other.json"}'
        )
    elif strict:
        yield from unknown_keys(graph, ("import_uri",), f"{where} graph")
    yield from _property_problems(node, where, strict)


def _selector_problems(node: Mapping[str, Any], where: str, strict: bool) -> Iterator[Problem]:
    for message in selectors.problems(node.get("filter")):
        yield Problem(f"{where} filter", message)


_NODE_CHECKS = {"extension": _extension_problems, "subgraph": _subgraph_problems, "selector": _selector_problems}


def _name_problems(tree: Mapping[str, Any], key: str, where: str, strict: bool) -> Iterator[Problem]:
    name = tree.get(key)
    if not isinstance(name, str) or not name:
        found = f"'{key}' is missing" if key not in tree else f"'{key}' must be a string that is not empty"
        yield Problem(where, found)
    elif strict and not IDENTIFIER.fullmatch(name):
        yield Problem(
            where, f"'{key}' \"{name}\" is not an identifier", "use letters, digits and _, and begin with no digit"
        )


def _property_problems(node: Mapping[str, Any], where: str, strict: bool) -> Iterator[Problem]:
    if "property" not in node:
        return
    if not isinstance(node["property"], Mapping):
        yield Problem(f"{where} property", f"must be an object, this is {describe(node['property'])}")
    elif strict:
        for path in _nulls(node["property"], "property"):
            yield Problem(f"{where} {path}", "null is not a property value", "leave the key out")


def _nulls(tree: Any, path: str) -> Iterator[str]:
    if tree is None:
        yield path
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _nulls(value, f"{path}.{key}")
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _nulls(value, f"{path}[{index}]")


def _app_problems(nodes: list[Any]) -> Iterator[Problem]:
    extensions = [node for node in nodes if isinstance(node, Mapping) and node.get("type") == "extension"]
    declared = [node for node in extensions if "app" in node]
    if declared and len(declared) != len(extensions):
        text = "Either all nodes should have 'app' declared, or none should, but not a mix of both."
        yield Problem("nodes", text, "leave 'app' out everywhere for the local app")
    for index, node in enumerate(nodes):
        if isinstance(node, Mapping) and "app" in node:
            yield from _app_problem(node, node_place(index, node))


def _app_problem(loc: Mapping[str, Any], where: str) -> Iterator[Problem]:
    app = loc.get("app", "unset")
    if not isinstance(app, str) or not app:
        yield Problem(where, "'app' must be a string that is not empty", "leave 'app' out for the local app")
    elif app == "localhost":
        yield Problem(where, "'app' must not be 'localhost'", "leave 'app' out for the local app")


# connections


def _connection_problems(connection: object, where: str, names: _Names, strict: bool) -> Iterator[Problem]:
    if not isinstance(connection, Mapping):
        yield Problem(where, f"a connection is an object, this is {describe(connection)}")
        return
    if strict:
        yield from unknown_keys(connection, (*LOCS, "app", *KINDS), where)
    yield from _loc_problems(connection, where, names, where)
    for kind in KINDS:
        flows = connection.get(kind, [])
        if not isinstance(flows, list):
            yield Problem(f"{where}.{kind}", f"must be a list, this is {describe(flows)}")
            continue
        for index, flow in enumerate(flows):
            yield from _flow_problems(flow, f"{where}.{kind}[{index}]", kind, names, strict)


def _flow_problems(flow: object, where: str, kind: str, names: _Names, strict: bool) -> Iterator[Problem]:
    if not isinstance(flow, Mapping):
        yield Problem(where, f"a flow is an object, this is {describe(flow)}")
        return
    if strict:
        yield from unknown_keys(flow, ("name", "names", "dest", "source"), where)
    for message, remedy in _flow_name_problems(flow):
        yield Problem(where, message, remedy)
    ends = [key for key in ("dest", "source") if key in flow]
    if not ends or (strict and len(ends) > 1):
        found = "both 'dest' and 'source' are given" if ends else "neither 'dest' nor 'source' is given"
        yield Problem(where, found, "write exactly one of them; use a second flow for the other" if ends else "")
    for key in ends:
        if not isinstance(flow[key], list) or not flow[key]:
            yield Problem(f"{where}.{key}", "must be a list with at least one item")
            continue
        for index, end in enumerate(flow[key]):
            yield from _end_problems(end, f"{where}.{key}[{index}]", flow, kind, names, strict)


def _flow_name_problems(flow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "name" in flow and "names" in flow:
        yield "Both 'name' and 'names' fields are specified, but they are mutually exclusive", "keep one of the two"
    elif "name" not in flow and "names" not in flow:
        yield "Neither 'name' nor 'names' field is specified, but one must be provided", ""
    elif "name" in flow:
        if not isinstance(flow["name"], str) or not flow["name"]:
            yield "'name' must be a string that is not empty", ""
    elif not isinstance(flow["names"], list):
        yield f"'names' must be a list, this is {describe(flow['names'])}", ""
    elif not flow["names"]:
        yield "'names' field is empty, must contain at least one name", ""
    elif not all(isinstance(name, str) and name for name in flow["names"]):
        yield "'names' must contain strings that are not empty", ""


def _end_problems(
    end: object, where: str, flow: Mapping[str, Any], kind: str, names: _Names, strict: bool
) -> Iterator[Problem]:
    if not isinstance(end, Mapping):
        yield Problem(where, f"must be an object, this is {describe(end)}", 'write {"extension": "name"}')
        return
    is_dest = ".dest[" in where
    if strict:
        yield from unknown_keys(end, (*LOCS, "app", "msg_conversion") if is_dest else (*LOCS, "app"), where)
    yield from _loc_problems(end, where, names, where.rpartition(".")[0], flow_kind=kind)
    if "msg_conversion" not in end:
        return
    if not is_dest or "names" in flow or "selector" in end:
        yield Problem(
            where, "msg_conversion is only allowed in a 'dest' of a flow with one 'name', and not with a selector"
        )
    for place, message in conversion.problems(end["msg_conversion"]):
        yield Problem(f"{where}.msg_conversion{'.' + place if place else ''}", message)
    if kind != "cmd" and isinstance(end["msg_conversion"], Mapping) and "result" in end["msg_conversion"]:
        yield Problem(where, "a result conversion is only possible for a cmd", "remove 'result'")


def _loc_problems(
    loc: Mapping[str, Any], where: str, names: _Names, owner: str, *, flow_kind: str = ""
) -> Iterator[Problem]:
    given = [key for key in LOCS if key in loc]
    if len(given) != 1:
        yield Problem(where, f"exactly one of 'extension', 'subgraph' and 'selector' is needed, {len(given)} given")
        return
    kind = given[0]
    name = loc[kind]
    if "app" in loc:
        yield from _app_problem(loc, where)
    if not isinstance(name, str) or not name:
        yield Problem(where, f"'{kind}' must be a string that is not empty")
    elif kind == "extension":
        if _is_app(loc) and (loc.get("app") or "", name) not in names.extensions:
            text = f"The extension declared in {owner} is not defined in nodes, extension: {name}."
            yield Problem(where, text, names.remedy(kind, name))
    elif name not in names.of_type[kind]:
        if kind == "subgraph":
            text = f"The subgraph '{name}' {owner} is not defined in nodes."
        else:
            text = f"Selector error in flow '{flow_kind or 'connection'}': Can't find selector: {name}"
        yield Problem(where, text, names.remedy(kind, name))


# what a subgraph offers


def _exposed_problems(doc: Mapping[str, Any], names: _Names, strict: bool) -> Iterator[Problem]:
    for index, port in enumerate(items(doc, "exposed_messages")):
        where = f"exposed_messages[{index}]"
        if not isinstance(port, Mapping):
            yield Problem(where, f"must be an object, this is {describe(port)}")
            continue
        if strict:
            yield from unknown_keys(port, ("type", "name", "extension", "subgraph"), where)
        if not isinstance(port.get("type"), str) or port["type"] not in EXPOSED_TYPES:
            yield Problem(
                where, f'unknown type "{port.get("type")}"', did_you_mean(str(port.get("type")), EXPOSED_TYPES)
            )
        yield from _name_problems(port, "name", where, False)
        yield from _exposed_loc_problems(port, where, names, "Exposed message")
    for index, exposed in enumerate(items(doc, "exposed_properties")):
        where = f"exposed_properties[{index}]"
        if not isinstance(exposed, Mapping):
            yield Problem(where, f"must be an object, this is {describe(exposed)}")
            continue
        if strict:
            yield from unknown_keys(exposed, ("name", "extension", "subgraph"), where)
        yield from _name_problems(exposed, "name", where, False)
        yield from _exposed_loc_problems(exposed, where, names, "Exposed property")


def _exposed_loc_problems(tree: Mapping[str, Any], where: str, names: _Names, what: str) -> Iterator[Problem]:
    given = [key for key in ("extension", "subgraph") if key in tree]
    if len(given) != 1:
        found = "does not specify an extension" if not given else "specifies both an extension and a subgraph"
        yield Problem(where, f"{what} '{tree.get('name')}' {found}")
        return
    kind = given[0]
    name = tree[kind]
    if isinstance(name, str) and name in names.of_type[kind]:
        return
    if what == "Exposed message":
        text = f"{kind.capitalize()} '{name}' referenced in exposed_messages does not exist in the graph"
    else:
        text = f"{kind} '{name}' does not exist in the graph"  # after its place, this is TEN's wording
    yield Problem(where, text, names.remedy(kind, str(name)))
