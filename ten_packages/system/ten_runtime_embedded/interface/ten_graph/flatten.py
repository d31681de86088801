"""From a graph document to a flat graph: imports, names, selectors, sources, subgraphs, in this order and at every depth."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from ten_graph import source, validate
from ten_graph.errors import INVALID_JSON, GraphError, Problem, did_you_mean
from ten_graph.flows import Conversion, Expander, Key, Links, Loc
from ten_graph.model import Connection, Dest, ExposedMessage, FlatGraph, Node, copy_json

Load = Callable[[Path], dict[str, Any]]
# Subgraphs that import one another many times over grow exponentially; no conversation has this many stages.
MAX_NODES = 10_000
_CACHED_GRAPHS = 64


def flatten(
    graph: dict[str, Any],
    *,
    base_dir: Path,
    strict: bool = False,
    allow_http: bool = False,
    load: Load = source.load_graph_file,
    file: str = "",
) -> FlatGraph:
    """The flat form of a graph, or a GraphError.

    `strict` checks what TEN's schema demands of files; `load` reads the documents that `import_uri` names; `file` is the
    name that errors give to `graph` itself. A graph without imports is remembered by content: a gateway starts the same one for
    each conversation.
    """
    key = _cache_key(graph, strict)
    if key is not None and (known := _cache.get(key)) is not None:
        return known
    walk = _Walk(strict=strict, allow_http=allow_http, load=load)
    part = walk.document(graph, _Place(base_dir, file))
    if walk.errors:
        raise walk.errors[0]
    flat = _flat_graph(part, walk.notices)
    if key is not None and not walk.has_imported:
        _cache.put(key, flat)
        return _own_properties(flat)
    return flat


def import_problems(
    graph: dict[str, Any], *, base_dir: Path, load: Load = source.load_graph_file, file: str = ""
) -> list[Problem]:
    """Everything that keeps a graph, valid by itself, from being flattened: its imports, and what it asks of its subgraphs."""
    walk = _Walk(strict=True, allow_http=False, load=load)
    try:
        walk.document(graph, _Place(base_dir, file))
    except GraphError as error:
        walk.errors.append(error)
    return [error.problem() for error in walk.errors]


class _Cache:
    """Least recently used flat graphs. Handed out with properties of their own, as an app may change those."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._graphs: OrderedDict[str, FlatGraph] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> FlatGraph | None:
        with self._lock:
            flat = self._graphs.get(key)
            if flat is None:
                return None
            self._graphs.move_to_end(key)
        return _own_properties(flat)

    def put(self, key: str, flat: FlatGraph) -> None:
        with self._lock:
            self._graphs[key] = flat
            while len(self._graphs) > self._size:
                self._graphs.popitem(last=False)


_cache = _Cache(_CACHED_GRAPHS)


def _cache_key(graph: object, strict: bool) -> str | None:
    try:
        return f"{strict:d}{json.dumps(graph, allow_nan=False)}"
    except (TypeError, ValueError, RecursionError):
        return None  # not JSON: validation will say so


def _own_properties(flat: FlatGraph) -> FlatGraph:
    nodes = [replace(node, property=copy_json(node.property)) if node.property else node for node in flat.nodes]
    return FlatGraph(nodes, list(flat.connections), list(flat.exposed_messages), list(flat.notices))


@dataclass(frozen=True)
class _Place:
    """Where a document was found: the directory of its relative imports, its name in errors, the files around it."""

    base_dir: Path
    file: str
    around: tuple[str, ...] = ()


@dataclass
class _Part:
    """One flattened document, its names not yet prefixed."""

    nodes: list[Node]
    links: Links
    ports: list[ExposedMessage]
    settings: dict[str, list[str]] = field(default_factory=dict)  # exposed property -> extensions that take it

    def extensions_behind(self, port_type: str, name: str) -> list[str]:
        return [port.extension for port in self.ports if port.type == port_type and port.name == name]

    def app_of(self, extension: str) -> str:
        return next(node.app for node in self.nodes if node.name == extension)


class _Walk:
    """One run over a document and everything it imports."""

    def __init__(self, *, strict: bool, allow_http: bool, load: Load) -> None:
        self._strict = strict
        self._allow_http = allow_http
        self._load = load
        self.has_imported = False
        self.notices: list[str] = []
        self.errors: list[GraphError] = []  # those after which more can be looked at
        self._node_count = 0

    def document(self, doc: Mapping[str, Any], place: _Place) -> _Part:
        source.check_depth(doc)
        for problem in validate.problems(doc, strict=self._strict):
            raise GraphError.of(problem.within(place.file))
        if "import_uri" in doc:
            return self._imported(doc["import_uri"], place, "import_uri")
        try:
            return self._assemble(doc, place)
        except GraphError as error:
            raise _placed(error, place) from None

    def _imported(self, uri: str, place: _Place, where: str) -> _Part:
        self.has_imported = True
        try:
            target = source.locate(uri, place.base_dir, allow_http=self._allow_http)
        except GraphError as error:
            raise GraphError(error.message, error.code, where=where, remedy=error.remedy, file=place.file) from None
        if isinstance(target, str):
            identity, inner = target, _Place(place.base_dir, target, (*place.around, target))
        else:
            identity = _real(target)
            inner = _Place(target.parent, str(target), (*place.around, identity))
        if identity in place.around:
            loop = " -> ".join(Path(file).name for file in (*place.around[place.around.index(identity) :], identity))
            raise GraphError(f"graphs import each other in a cycle: {loop}", where=where, file=place.file)
        if isinstance(target, Path) and _is_missing(target):
            remedy = did_you_mean(target.name, _siblings(target))
            raise GraphError(
                f'the file "{uri}" does not exist', INVALID_JSON, where=where, remedy=remedy, file=place.file
            )
        doc = source.load_url(target) if isinstance(target, str) else self._load(target)
        return self.document(doc, inner)

    def _assemble(self, doc: Mapping[str, Any], place: _Place) -> _Part:
        nodes: list[Node] = []
        links = Links()
        subgraphs: dict[str, _Part] = {}
        for index, node in enumerate(doc.get("nodes", [])):
            if node["type"] == "extension":
                nodes.append(_node(node))
            elif node["type"] == "subgraph":
                where = validate.node_place(index, node)
                part = _prefixed(self._imported(node["graph"]["import_uri"], place, where), node["name"])
                self._note(place, _set_properties(part, node, where))
                subgraphs[node["name"]] = part
                nodes += part.nodes
                for key, receivers in part.links.receivers.items():
                    links.receivers[key] = dict(receivers)
        self._count(nodes, subgraphs)
        expander = Expander(doc)
        outer = expander.links(doc)
        self.notices += expander.notices
        self._note(place, _join(links, outer, subgraphs))
        part = _Part(nodes, links, [])
        self._note(place, _set_ports(part, doc, subgraphs))
        self._note(place, _set_takers(part, doc, subgraphs))
        return part

    def _note(self, place: _Place, errors: Iterable[GraphError]) -> None:
        self.errors += [_placed(error, place) for error in errors]

    def _count(self, nodes: list[Node], subgraphs: Mapping[str, _Part]) -> None:
        self._node_count += len(nodes) - sum(len(part.nodes) for part in subgraphs.values())
        if self._node_count > MAX_NODES:
            raise GraphError(f"the graph has more than {MAX_NODES} nodes once its subgraphs are opened")
        names: set[tuple[str, str]] = set()
        for node in nodes:
            if (node.app, node.name) in names:
                text = f'node "{node.name}" exists twice once subgraphs are opened'
                raise GraphError(text, where="nodes", remedy="rename the node or the subgraph")
            names.add((node.app, node.name))


def _placed(error: GraphError, place: _Place) -> GraphError:
    return error if error.file else GraphError.of(error.problem().within(place.file))


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        pass  # there may be something that cannot be read: reading says why
    return False


def _siblings(path: Path) -> list[str]:
    try:
        return [file.name for file in path.parent.glob("*.json")]
    except (OSError, ValueError):
        return []


def _real(path: Path) -> str:
    try:
        return str(path.resolve())
    except (OSError, ValueError, RuntimeError):
        return str(path)


def _node(node: Mapping[str, Any]) -> Node:
    properties = copy_json(node.get("property", {}))
    return Node(node["name"], node["addon"], node.get("extension_group", ""), node.get("app", ""), properties)


def _prefixed(part: _Part, subgraph: str) -> _Part:
    def name(inner: str) -> str:
        return f"{subgraph}_{inner}"

    def loc(inner: Loc) -> Loc:
        return inner._replace(name=name(inner.name))

    links = Links()
    for key, receivers in part.links.receivers.items():
        renamed = {loc(receiver): conversion for receiver, conversion in receivers.items()}
        links.receivers[key._replace(sender=loc(key.sender))] = renamed
    return _Part(
        [replace(node, name=name(node.name)) for node in part.nodes],
        links,
        [replace(port, extension=name(port.extension)) for port in part.ports],
        {setting: [name(taker) for taker in takers] for setting, takers in part.settings.items()},
    )


# Each of these does what it can and yields what it cannot.


def _set_properties(part: _Part, node: Mapping[str, Any], where: str) -> Iterator[GraphError]:
    """The properties of a subgraph node go to the extensions behind its exposed properties."""
    for key, value in node.get("property", {}).items():
        takers = part.settings.get(key)
        if not takers:
            text = f"Property '{key}' specified in subgraph node '{node['name']}' is not exposed by the subgraph"
            yield GraphError(
                text, where=f"{where} property.{key}", remedy="list it in the subgraph's exposed_properties"
            )
            continue
        for index, inner in enumerate(part.nodes):
            if inner.name in takers:
                part.nodes[index] = replace(inner, property={**inner.property, key: copy_json(value)})


def _join(links: Links, outer: Links, subgraphs: Mapping[str, _Part]) -> Iterator[GraphError]:
    """Adds the links of a document to those inside its subgraphs, with subgraphs replaced by the extensions behind their ports."""
    for key, receivers in outer.receivers.items():
        where = f'{key.kind} "{key.name}" from "{key.sender.name}"'
        try:
            senders = _behind(key.sender, f"{key.kind}_out", key.name, subgraphs, where)
        except GraphError as error:
            yield error
            continue
        for receiver, conversion in receivers.items():
            try:
                targets = _behind(receiver, f"{key.kind}_in", key.name, subgraphs, where)
            except GraphError as error:
                yield error
                continue
            for target in targets:
                for sender in senders:
                    links.add(Key(sender, key.kind, key.name), target, conversion)


def _behind(loc: Loc, port_type: str, name: str, subgraphs: Mapping[str, _Part], where: str) -> list[Loc]:
    if loc.kind == "extension":
        return [loc]
    part = subgraphs[loc.name]
    extensions = _port(part, loc.name, port_type, name, where)
    return [Loc("extension", part.app_of(extension), extension) for extension in extensions]


def _port(part: _Part, subgraph: str, port_type: str, name: str, where: str) -> list[str]:
    if not part.ports:
        raise GraphError(f"Subgraph '{subgraph}' does not have exposed_messages defined", where=where)
    extensions = part.extensions_behind(port_type, name)
    if not extensions:
        known = sorted({port.name for port in part.ports if port.type == port_type})
        remedy = f"it exposes as {port_type}: {', '.join(known)}" if known else f"it exposes nothing as {port_type}"
        text = f"Message '{name}' of type '{port_type}' is not exposed by subgraph '{subgraph}'"
        raise GraphError(text, where=where, remedy=remedy)
    return extensions


def _set_ports(part: _Part, doc: Mapping[str, Any], subgraphs: Mapping[str, _Part]) -> Iterator[GraphError]:
    for index, entry in enumerate(doc.get("exposed_messages", [])):
        kind, name, subgraph = entry["type"], entry["name"], entry.get("subgraph")
        try:
            if subgraph is None:
                extensions = [entry["extension"]]
            else:
                extensions = _port(subgraphs[subgraph], subgraph, kind, name, f"exposed_messages[{index}]")
        except GraphError as error:
            yield error
            continue
        ports = (ExposedMessage(kind, name, extension) for extension in extensions)
        part.ports += [port for port in ports if port not in part.ports]


def _set_takers(part: _Part, doc: Mapping[str, Any], subgraphs: Mapping[str, _Part]) -> Iterator[GraphError]:
    for index, entry in enumerate(doc.get("exposed_properties", [])):
        name, subgraph = entry["name"], entry.get("subgraph")
        takers = [entry["extension"]] if subgraph is None else subgraphs[subgraph].settings.get(name, [])
        if not takers:
            text = f"Property '{name}' is not exposed by subgraph '{subgraph}'"
            yield GraphError(
                text, where=f"exposed_properties[{index}]", remedy="list it in the subgraph's exposed_properties"
            )
        part.settings.setdefault(name, []).extend(takers)


def _flat_graph(part: _Part, notices: list[str]) -> FlatGraph:
    connections = [
        Connection(key.sender.name, key.sender.app, key.kind, key.name, _dests(receivers))
        for key, receivers in part.links.receivers.items()
    ]
    return FlatGraph(part.nodes, connections, part.ports, notices)


def _dests(receivers: Mapping[Loc, Conversion]) -> list[Dest]:
    return [Dest(receiver.name, receiver.app, conversion) for receiver, conversion in receivers.items()]
