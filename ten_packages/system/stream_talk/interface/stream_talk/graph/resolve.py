"""From a graph file to the plain graph that a runtime gets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ten_graph import FlatGraph, GraphError, Node, flatten, placeholders

from stream_talk.graph.document import Document, load_document


def resolve_graph(path: str | Path, *, environ: Mapping[str, str] | None = None) -> FlatGraph:
    """Bases, imports, subgraphs and `${env:...}` resolved. GraphError names the file and node that stand in the way."""
    flat = flatten_document(load_document(path))
    return replace(
        flat, nodes=[_resolved(node, os.environ if environ is None else environ, str(path)) for node in flat.nodes]
    )


def flatten_document(document: Document) -> FlatGraph:
    """Flat, with placeholders as written."""
    if document.problems:
        raise GraphError.of(document.problems[0])
    try:
        return flatten(
            document.graph, base_dir=document.path.parent, strict=True, load=load_plain, file=str(document.path)
        )
    except GraphError as error:
        raise GraphError.of(document.placed(error.problem())) from None


def load_plain(path: Path) -> dict[str, Any]:
    """A subgraph file, which may itself be a variant of another."""
    document = load_document(path)
    if document.problems:
        raise GraphError.of(document.problems[0])
    return document.graph


def _resolved(node: Node, environ: Mapping[str, str], file: str) -> Node:
    try:
        return replace(node, property=placeholders.resolve(node.property, environ))
    except placeholders.PlaceholderError as error:
        remedy = (
            f"set {error.variable}, or write ${{env:{error.variable}|default}}"
            if error.variable
            else "write ${env:NAME|default}"
        )
        where = f'node "{node.name}" property.{error.path}'
        raise GraphError(error.message, where=where, remedy=remedy, file=file) from None
