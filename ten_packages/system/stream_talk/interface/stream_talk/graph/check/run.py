"""One file through all checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ten_graph import GraphError, Problem, source, validate
from ten_graph.flatten import import_problems

from stream_talk.graph.check import edges, nodes
from stream_talk.graph.check.context import CheckContext, CheckFunction, make_context
from stream_talk.graph.check.predefined import is_app_property, predefined_graphs
from stream_talk.graph.document import Document, load_document
from stream_talk.graph.packages import Packages
from stream_talk.graph.requirements import VersionOf, installed_version
from stream_talk.graph.resolve import flatten_document, load_plain

# In the order of the report. Functions that need a well-formed graph find `context.flat` None and say nothing.
# What depends on this machine: what is installed, and what is in the environment.
MACHINE_CHECKS: tuple[CheckFunction, ...] = (nodes.missing_packages, nodes.missing_models, nodes.environment)
# What is right or wrong on every machine.
SOUND_CHECKS: tuple[CheckFunction, ...] = (
    nodes.unknown_addons,
    nodes.fallback_addons,
    nodes.properties,
    nodes.runtime_settings,
    nodes.selectors_without_a_match,
    edges.merged_sections,
    edges.message_names,
    edges.message_types,
    edges.ports,
)
CHECKS: tuple[CheckFunction, ...] = (*MACHINE_CHECKS, *SOUND_CHECKS)


def check_file(
    path: str | Path,
    *,
    checks: Iterable[CheckFunction] = CHECKS,
    packages: Packages | None = None,
    environ: Mapping[str, str] | None = None,
    version_of: VersionOf = installed_version,
) -> list[Problem]:
    """All findings about a graph file and the files that it imports, none of them twice."""
    try:
        document = load_document(path)
    except GraphError as error:
        return [error.problem().within(str(path))]
    context = make_context(document, packages=packages, environ=environ, version_of=version_of)
    look = _check_property if is_app_property(document) else _check
    found = [problem.within(str(path)) for problem in look(context, tuple(checks), set())]
    return list(dict.fromkeys(found))


def _check_property(context: CheckContext, checks: tuple[CheckFunction, ...], seen: set[Path]) -> Iterator[Problem]:
    for place, graph in predefined_graphs(context.document):
        problems = (
            [graph] if isinstance(graph, Problem) else _check(replace(context, document=graph), checks, set(seen))
        )
        here = str(context.document.path)
        for problem in problems:
            is_here = problem.file in ("", here)
            yield replace(problem, where=f"{place} {problem.where}".strip()) if is_here else problem


def _check(context: CheckContext, checks: tuple[CheckFunction, ...], seen: set[Path]) -> Iterator[Problem]:
    document = context.document
    seen.add(_identity(document.path))
    yield from document.problems
    structural = list(_structural(document))
    if not structural and not document.problems:
        importing = import_problems(
            document.graph, base_dir=document.path.parent, load=load_plain, file=str(document.path)
        )
        yield from (document.placed(problem) for problem in importing)
        if not importing:
            context = replace(context, flat=flatten_document(document))
    for problem in (*structural, *(problem for check in checks for problem in check(context))):
        yield document.placed(problem)
    for imported in _imports(document):
        if _identity(imported) not in seen:
            try:
                inner = load_document(imported)
            except GraphError as error:
                yield error.problem()
                continue
            yield from _check(replace(context, document=inner, flat=None), checks, seen)


def _structural(document: Document) -> Iterator[Problem]:
    try:
        source.check_depth(document.graph)
    except GraphError as error:
        yield error.problem()
        return
    yield from validate.problems(document.graph, strict=True)
    if not document.problems and "import_uri" not in document.graph and document.graph.get("nodes", []) == []:
        yield Problem(
            "nodes",
            "No extension node is defined in graph.",
            'add {"type": "extension", "name": "...", "addon": "..."}',
        )


def _imports(document: Document) -> Iterator[Path]:
    """The local files that a document imports. What is wrong with the URIs themselves is found when the graph is flattened."""
    holders = [
        document.graph,
        *(node.get("graph") for node in validate.items(document.graph, "nodes") if isinstance(node, Mapping)),
    ]
    for holder in holders:
        uri = holder.get("import_uri") if isinstance(holder, Mapping) else None
        if not isinstance(uri, str):
            continue
        try:
            target = source.locate(uri, document.path.parent)
            if isinstance(target, Path) and target.is_file():
                yield target
        except (GraphError, OSError, ValueError):
            continue  # found again, with its place, by flattening


def _identity(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return path
