"""Where the app lives, and the finder that makes ``ten_packages.*`` importable from there."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = "ten_packages"
SECTIONS: Final = ("extension", "system")


def _manifest_field(directory: str, field: str) -> str | None:
    try:
        with open(os.path.join(directory, "manifest.json"), encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return None
    value = content.get(field) if isinstance(content, dict) else None
    return value if isinstance(value, str) else None


def is_app_dir(directory: Path) -> bool:
    return _manifest_field(str(directory), "type") == "app"


def app_base_dir() -> Path:
    """``TEN_APP_BASE_DIR``; the working directory when it is an app; its ``.ten/app``; the nearest app above it."""
    configured = os.environ.get("TEN_APP_BASE_DIR")
    if configured:
        return Path(configured).resolve()
    here = Path.cwd()
    for candidate in (here, here / ".ten" / "app", *here.parents):
        if is_app_dir(candidate):
            return candidate
    return here


def _package_around(here: Path) -> Path:
    """Tests may be started in a directory of the package, like its ``tests/``."""
    return next((place for place in (here, *here.parents) if (place / "manifest.json").is_file()), here)


class PackageFinder:
    """Finds ``ten_packages.<section>.<name>`` in the app, in added directories, in and beside the package one works in.

    It comes after Python's own finders, so that a regular package always wins.
    """

    def __init__(self) -> None:
        self.package_dirs: list[Path] = []  # directories that hold packages side by side

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parts = fullname.split(".")
        if parts[0] != ROOT or len(parts) > 3:
            return None
        if len(parts) == 3:
            return self._package_spec(fullname, parts[1], parts[2])
        if len(parts) == 2 and parts[1] not in SECTIONS:
            return None
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(item) for item in self._namespace_dirs(parts[1:])]
        return spec

    def _namespace_dirs(self, section: list[str]) -> list[Path]:
        candidate = app_base_dir().joinpath(ROOT, *section)
        return [candidate] if candidate.is_dir() else []

    def _package_spec(self, fullname: str, section: str, name: str) -> ModuleSpec | None:
        for directory in self._candidates(section, name):
            init = directory / "__init__.py"
            if init.is_file():
                return importlib.util.spec_from_file_location(
                    fullname, init, submodule_search_locations=[str(directory)]
                )
        return None

    def _candidates(self, section: str, name: str) -> Iterator[Path]:
        yield app_base_dir() / ROOT / section / name
        for directory in self.package_dirs:
            yield directory / name
        here = _package_around(Path.cwd())
        if _manifest_field(str(here), "name") == name:
            yield here
        if _manifest_field(str(here.parent / name), "name") == name:
            yield here.parent / name

    def add(self, directory: Path) -> None:
        resolved = directory.resolve()
        if resolved not in self.package_dirs:
            self.package_dirs.append(resolved)


package_finder = PackageFinder()


def install_finder() -> None:
    if package_finder not in sys.meta_path:
        sys.meta_path.append(package_finder)
