"""A graph file as written: its base files laid under it (`extends`), its metadata taken off, its findings placed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ten_graph import GraphError, Problem, load_graph_file
from ten_graph.errors import did_you_mean

from stream_talk.graph import info, variant

EXTENDS = "extends"
_INDEXED = re.compile(r"\b(nodes|connections|exposed_messages|exposed_properties)\[(\d+)\]")


@dataclass(frozen=True)
class Document:
    """`graph` is a plain TEN document. `problems` are those of the layering itself; the graph's own are found by checking it."""

    path: Path
    graph: dict[str, Any]
    info: info.GraphInfo
    problems: tuple[Problem, ...] = ()
    bases: tuple[Path, ...] = ()
    origins: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)

    def placed(self, problem: Problem) -> Problem:
        """The same finding, pointing into the file where its entry was written."""
        if problem.file and problem.file != str(self.path):
            return problem
        file = str(self.path)
        match = _INDEXED.match(problem.where)
        if match is not None and (origin := self.origins.get((match[1], int(match[2])))) is not None:
            file = origin[0]
        return replace(
            problem, where=self._reindexed(problem.where), message=self._reindexed(problem.message), file=file
        )

    def _reindexed(self, text: str) -> str:
        def original(match: re.Match[str]) -> str:
            origin = self.origins.get((match[1], int(match[2])))
            return match[0] if origin is None else f"{match[1]}[{origin[1]}]"

        return _INDEXED.sub(original, text)


def load_document(path: str | Path) -> Document:
    """Reads a graph file and its bases; GraphError when one of them cannot be read or they extend each other in a circle."""
    problems: list[Problem] = []
    return _load(Path(path), (), problems)


def _load(path: Path, around: tuple[Path, ...], problems: list[Problem]) -> Document:
    here = _identity(path)
    if here in around:
        loop = " -> ".join(file.name for file in (*around[around.index(here) :], here))
        raise GraphError(f"graphs extend each other in a cycle: {loop}", where=EXTENDS, file=str(path))
    doc = load_graph_file(path)
    about = doc.pop(info.KEY, {})
    problems += [problem.within(str(path)) for problem in info.info_problems(about)]
    if EXTENDS not in doc:
        return Document(
            path, doc, info.parse_info(about), tuple(problems), (), _origins(variant.layers_of(doc, str(path)))
        )
    base = _load_base(doc.pop(EXTENDS), path, (*around, here), problems)
    if "import_uri" in doc or "import_uri" in base.graph:
        raise GraphError(
            "'extends' does not go together with 'import_uri'",
            where=EXTENDS,
            remedy="extend the file itself",
            file=str(path),
        )
    layers = variant.lay_over(_layers(base), variant.layers_of(doc, str(path)), problems)
    merged = {
        **base.graph,
        **doc,
        **{section: [item.value for item in items] for section, items in layers.items() if items},
    }
    for section in variant.SECTIONS:
        if isinstance(doc.get(section, []), list) and not layers[section]:
            merged.pop(section, None)
    return Document(path, merged, info.parse_info(about), tuple(problems), (base.path, *base.bases), _origins(layers))


def _load_base(named: object, path: Path, around: tuple[Path, ...], problems: list[Problem]) -> Document:
    if not isinstance(named, str) or not named:
        raise GraphError(
            "must be the name of a graph file", where=EXTENDS, remedy='write "extends": "embedded.json"', file=str(path)
        )
    target = path.parent / named
    try:
        exists = target.is_file()
    except (OSError, ValueError):
        exists = False
    if not exists:
        siblings = [file.name for file in path.parent.glob("*.json")]
        remedy = did_you_mean(named, siblings)
        raise GraphError(f'the base "{named}" does not exist', where=EXTENDS, remedy=remedy, file=str(path))
    base = _load(target, around, problems)
    return base if target.parent == path.parent else _with_absolute_imports(base)


def _with_absolute_imports(base: Document) -> Document:
    """Subgraphs of a base in another directory stay relative to that base."""
    nodes = base.graph.get("nodes")
    if not isinstance(nodes, list):
        return base
    return replace(
        base, graph={**base.graph, "nodes": [_with_absolute_import(node, base.path.parent) for node in nodes]}
    )


def _with_absolute_import(node: Any, directory: Path) -> Any:
    graph = node.get("graph") if isinstance(node, Mapping) else None
    if not isinstance(graph, Mapping):
        return node
    uri = graph.get("import_uri")
    if not isinstance(uri, str) or not uri or "://" in uri or uri.startswith(("/", "\\", "$")):
        return node
    return {**node, "graph": {**graph, "import_uri": (directory / uri).resolve().as_uri()}}


def _layers(base: Document) -> variant.Layers:
    layers: variant.Layers = {}
    for section, items in variant.layers_of(base.graph, str(base.path)).items():
        layers[section] = [
            variant.Item(item.value, *base.origins.get((section, item.index), (item.file, item.index)))
            for item in items
        ]
    return layers


def _origins(layers: variant.Layers) -> dict[tuple[str, int], tuple[str, int]]:
    return {
        (section, index): (item.file, item.index)
        for section, items in layers.items()
        for index, item in enumerate(items)
    }


def _identity(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return path
