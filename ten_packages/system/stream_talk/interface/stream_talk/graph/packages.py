"""The extension packages on this machine: found by addon name, with what each declares and needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ten_graph import GraphError, load_graph_file
from ten_graph.schema import ManifestApi, ManifestError

from stream_talk.graph import requirements


@dataclass(frozen=True)
class Package:
    """One directory of `ten_packages/extension`."""

    addon: str
    path: Path
    app_home: Path

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """property.json; empty when there is none or it cannot be read (`problem` says so)."""
        path = self.path / "property.json"
        try:
            return load_graph_file(path) if path.is_file() else {}
        except GraphError:
            return {}

    @cached_property
    def api(self) -> ManifestApi:
        try:
            return ManifestApi.load(self.path, app_base_dir=self.app_home)
        except ManifestError:
            return ManifestApi()

    @cached_property
    def problem(self) -> str | None:
        """Why the package's own files cannot be used."""
        try:
            ManifestApi.load(self.path, app_base_dir=self.app_home)
            if (self.path / "property.json").is_file():
                load_graph_file(self.path / "property.json")
        except (ManifestError, GraphError) as error:
            return str(error)
        return None

    def missing(self, version_of: requirements.VersionOf = requirements.installed_version) -> Iterator[tuple[str, str]]:
        """(what is missing, the command that brings it) for every unmet line of requirements.txt."""
        path = self.path / "requirements.txt"
        for requirement, found in requirements.unmet(requirements.read_requirements(path), version_of):
            extra = requirements.extra_with(requirement)
            command = f'pip install "{requirements.DISTRIBUTION}[{extra}]"' if extra else f"pip install -r {path}"
            state = f"{found} is installed" if found else "it is not installed"
            yield f"needs the Python package {requirement}, {state}", f"run: {command}"


class Packages:
    """Addons by name over several roots; the first root that has one wins, as with `sys.path`."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = list(roots)
        self._found: dict[str, Package | None] = {}

    def find(self, addon: str) -> Package | None:
        if addon not in self._found:
            self._found[addon] = self._look_up(addon)
        return self._found[addon]

    def names(self) -> list[str]:
        return sorted({path.name for root in self._roots for path in _package_dirs(root)})

    def _look_up(self, addon: str) -> Package | None:
        for root in self._roots:
            path = root / "ten_packages" / "extension" / addon
            if addon.isidentifier() and path.is_dir():
                return Package(addon, path, root)
        return None


def _package_dirs(root: Path) -> Iterator[Path]:
    directory = root / "ten_packages" / "extension"
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        if path.is_dir() and path.name.isidentifier() and _is_package(path):
            yield path


def _is_package(path: Path) -> bool:
    return (path / "manifest.json").is_file() or (path / "__init__.py").is_file()
