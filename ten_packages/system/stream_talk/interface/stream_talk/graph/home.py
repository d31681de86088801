"""Where graphs, extensions and the page live: the checkout, or the data directory that the wheel brings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ten_graph import GraphError, load_graph_file

HOME_VARIABLE = "STREAM_TALK_HOME"
WHEEL_DIRECTORY = "stream_talk_app"


def app_home() -> Path:
    """The root of the app: `STREAM_TALK_HOME`, else the data of an installed wheel, else the checkout around this file."""
    stated = os.environ.get(HOME_VARIABLE)
    if stated:
        return Path(stated)
    here = Path(__file__).resolve()
    # A wheel may be installed in a `.venv` inside some checkout: its own data comes first.
    installed = here.parents[2] / WHEEL_DIRECTORY
    if is_app(installed):
        return installed
    for directory in here.parents:
        if is_app(directory):
            return directory
    raise FileNotFoundError(
        f"the files of Stream-Talk are not beside {here.parents[1]}: set {HOME_VARIABLE} to its checkout"
    )


def is_app(directory: Path) -> bool:
    """Whether a directory is the root of a TEN app."""
    manifest = directory / "manifest.json"
    if not manifest.is_file():
        return False
    try:
        return load_graph_file(manifest).get("type") == "app"
    except GraphError:
        return False


def addon_roots(graph_file: Path | None = None) -> list[Path]:
    """Directories whose `ten_packages/extension` holds addons: the app's own, then those around a graph file and the working directory."""
    roots = [app_home()]
    for start in [graph_file.resolve().parent] if graph_file is not None else []:
        roots += _around(start)
    roots += _around(Path.cwd())
    return list(dict.fromkeys(root.resolve() for root in roots))


def _around(start: Path) -> Iterator[Path]:
    for directory in (start, *start.parents):
        if (directory / "ten_packages" / "extension").is_dir():
            yield directory
            return
