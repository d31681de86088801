"""`stream-talk test`: run an extension's own tests, with the paths that TEN gives them."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from stream_talk.graph import app_home
from stream_talk.graph.home import is_app
from ten_graph import load_graph_file

from stream_talk_cli import pytest_as_script
from stream_talk_cli.errors import CommandError

HELP = "run the tests of one extension package, ours or anybody's"
_MODULES = ("ten_runtime", "stream_talk", "stream_talk_cli")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="EXTENSION_DIR", type=Path)
    parser.add_argument("pytest_arguments", nargs=argparse.REMAINDER, metavar="...", help="handed on to pytest")


def run(args: argparse.Namespace) -> int:
    directory = args.directory.resolve()
    _require_extension(directory)
    more = args.pytest_arguments[1:] if args.pytest_arguments[:1] == ["--"] else args.pytest_arguments
    return subprocess.call(_command(directory, more), cwd=directory, env=environment(directory))


def _require_extension(directory: Path) -> None:
    if not directory.is_dir():
        raise CommandError(f"{directory} is not a directory")
    manifest = load_graph_file(directory / "manifest.json")
    if manifest.get("type") != "extension":
        raise CommandError(f"{directory / 'manifest.json'}: this is no extension, its type is {manifest.get('type')!r}")
    if not (directory / "tests").is_dir():
        raise CommandError(
            f"{directory} has no tests/: `stream-talk new extension` makes a package with one to begin with"
        )


def _command(directory: Path, more: list[str]) -> list[str]:
    script = directory / "tests" / "bin" / "start"
    shell = shutil.which("bash")
    if script.is_file() and shell is not None:
        return [shell, str(script), *more]
    # TEN's packages count on pytest's own import mode: it decides under which name, and so how often, a package is imported.
    options = ["--rootdir", str(directory), "--override-ini", "addopts=", "--import-mode=prepend"]
    return [sys.executable, pytest_as_script.__file__, *options, *(more or ["tests"])]


def environment(directory: Path) -> dict[str, str]:
    """The variables under which tests find the runtime, the app around the package, and the `pytest` of this Python."""
    env = dict(os.environ)
    base = app_base_dir(directory)
    env.setdefault("TEN_APP_BASE_DIR", str(base))
    paths = [
        *_system_interfaces(base),
        *(_system_interfaces(app_home())),
        str(base),
        *_here(),
        env.get("PYTHONPATH", ""),
    ]
    env["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in paths if path))
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    return env


def app_base_dir(directory: Path) -> Path:
    """What `tman install --standalone` made, else the app that the package lies in, else ours."""
    standalone = directory / ".ten" / "app"
    if is_app(standalone):
        return standalone
    return next((parent for parent in directory.parents if is_app(parent)), app_home())


def _system_interfaces(base: Path) -> Iterator[str]:
    system = base / "ten_packages" / "system"
    if not system.is_dir():
        return
    # Where TEN's native runtime is installed it is meant: its directories come before those of ours.
    for package in sorted(system.iterdir(), key=lambda path: (path.name != "ten_runtime_python", path.name)):
        for part in ("lib", "interface"):
            if (package / part).is_dir():
                yield str(package / part)


def _here() -> Iterator[str]:
    """Where this Python has our modules, for a `stream-talk` that runs from a path and is not installed."""
    for module in _MODULES:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            yield str(Path(next(iter(spec.submodule_search_locations))).parent)
