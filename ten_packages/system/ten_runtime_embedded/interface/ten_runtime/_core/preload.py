"""``ten.addon.preload_all``: import every extension package of the app at its start."""

from __future__ import annotations

import importlib
from pathlib import Path

from .log import runtime_log


def preload_all(base_dir: Path) -> None:
    directory = base_dir / "ten_packages" / "extension"
    if not directory.is_dir():
        return
    for package in sorted(directory.iterdir()):
        if not (package / "__init__.py").is_file():
            continue
        try:
            importlib.import_module(f"ten_packages.extension.{package.name}")
        except Exception:
            runtime_log.exception(f"{package}: cannot be imported")
