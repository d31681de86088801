"""The graphs that can be offered to a person, and whether each can run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ten_graph import GraphError, Problem

from stream_talk.graph.check import nodes
from stream_talk.graph.check.context import CheckFunction
from stream_talk.graph.check.run import check_file
from stream_talk.graph.document import load_document
from stream_talk.graph.home import app_home
from stream_talk.graph.info import GraphInfo
from stream_talk.graph.packages import Packages
from stream_talk.graph.requirements import VersionOf, installed_version

# What decides whether a well-formed graph runs on this machine.
_MACHINE_CHECKS: tuple[CheckFunction, ...] = (
    nodes.unknown_addons,
    nodes.missing_packages,
    nodes.missing_models,
    nodes.environment,
)


@dataclass(frozen=True)
class Offer:
    """One session graph. `obstacles` are why it cannot run here now, each with its remedy."""

    name: str
    path: Path
    info: GraphInfo
    obstacles: tuple[Problem, ...]

    @property
    def runs_here(self) -> bool:
        return not self.obstacles

    def to_dict(self) -> dict[str, Any]:
        obstacles = [{"where": item.where, "problem": item.message, "remedy": item.remedy} for item in self.obstacles]
        return {"name": self.name, **self.info.to_dict(), "runs_here": self.runs_here, "obstacles": obstacles}


def offered_graphs(
    home: Path | None = None, *, environ: Mapping[str, str] | None = None, version_of: VersionOf = installed_version
) -> list[Offer]:
    """Every file of `graphs/` that exposes messages to a host, by name; files that begin with `_` are parts of others."""
    root = home if home is not None else app_home()
    packages = Packages([root])
    files = sorted(path for path in (root / "graphs").glob("*.json") if not path.name.startswith("_"))
    offers = (_offer(path, packages, environ, version_of) for path in files)
    return [offer for offer in offers if offer is not None]


def find_graph(name: str, home: Path | None = None) -> Path:
    """The file that a person means: a path, or the name of an offered graph with or without `.json`."""
    directory = (home if home is not None else app_home()) / "graphs"
    for candidate in (Path(name), directory / name, directory / f"{name}.json"):
        try:
            if candidate.is_file():
                return candidate
        except (OSError, ValueError):
            break
    known = ", ".join(sorted(path.stem for path in directory.glob("*.json"))) if directory.is_dir() else ""
    raise GraphError(
        f'there is no graph "{name}"', remedy=f"graphs here: {known}" if known else "write the path of a graph file"
    )


def _offer(path: Path, packages: Packages, environ: Mapping[str, str] | None, version_of: VersionOf) -> Offer | None:
    try:
        document = load_document(path)
    except GraphError as error:
        return Offer(path.stem, path, GraphInfo(), (error.problem(),))
    if not document.graph.get("exposed_messages"):
        return None
    obstacles = check_file(path, checks=_MACHINE_CHECKS, packages=packages, environ=environ, version_of=version_of)
    return Offer(path.stem, path, document.info, tuple(obstacles))
