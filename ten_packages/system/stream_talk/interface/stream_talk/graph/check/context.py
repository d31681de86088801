"""What every check function gets to see."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ten_graph import FlatGraph, Problem
from ten_graph.validate import items, node_place

from stream_talk.graph.document import Document
from stream_talk.graph.home import addon_roots
from stream_talk.graph.packages import Package, Packages
from stream_talk.graph.requirements import VersionOf, installed_version

BUILT_IN_ADDONS = ("default_extension_group", "ten:test_extension", "ten:graph_proxy")


@dataclass(frozen=True)
class CheckContext:
    """One document and the machine it should run on. `flat` is None while the document is not well-formed."""

    document: Document
    packages: Packages
    environ: Mapping[str, str]
    version_of: VersionOf
    flat: FlatGraph | None = None

    def extension_nodes(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(place, node) of the extension nodes that are well-formed enough to look at."""
        for index, node in enumerate(items(self.document.graph, "nodes")):
            if isinstance(node, Mapping) and node.get("type") == "extension" and isinstance(node.get("addon"), str):
                yield node_place(index, node), node

    def package_of(self, node: Mapping[str, Any]) -> Package | None:
        # A node of another app runs there: nothing can be said about its package here.
        return None if "app" in node else self.packages.find(str(node["addon"]))

    def package_of_name(self, name: str) -> Package | None:
        node = self.flat.node(name) if self.flat is not None else None
        return self.packages.find(node.addon) if node is not None and not node.app else None


CheckFunction = Callable[[CheckContext], Iterable[Problem]]


def make_context(
    document: Document,
    *,
    packages: Packages | None = None,
    environ: Mapping[str, str] | None = None,
    version_of: VersionOf = installed_version,
) -> CheckContext:
    """A context of this machine, with any part of it replaced."""
    found = packages if packages is not None else Packages(addon_roots(Path(document.path)))
    return CheckContext(document, found, os.environ if environ is None else environ, version_of)
