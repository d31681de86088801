"""Builds an environment: interpreter, packages, checkout, and at the end the marker that says it is whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from stream_talk.engines.environments import MARKER, environment_python
from stream_talk.graph import app_home
from stream_talk.paths import environments_dir

from stream_talk_cli.engines.recipes import Recipe
from stream_talk_cli.errors import CommandError

Say = Callable[[str], None]
_LOG = "install.log"


def build(recipe: Recipe, say: Say) -> Path:
    """Idempotent: what is there already is kept, so that a broken-off installation goes on."""
    folder = environments_dir() / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    need, free = recipe.size_gb * 1e9, shutil.disk_usage(folder).free
    if need > free:
        raise CommandError(
            f"{recipe.name} needs about {recipe.size_gb:.1f} GB, and {free / 1e9:.1f} GB are free at {folder}"
        )
    if not environment_python(recipe.name).exists():
        say("making the environment")
        _run([_python_for(recipe), "-m", "venv", str(folder)], folder)
    pip = [
        str(environment_python(recipe.name)),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
    ]
    constraints = app_home() / "constraints.txt"
    bounded = ["-c", str(constraints)] if recipe.constraints and constraints.is_file() else []
    # numpy alone is what the worker itself needs.
    _pip([*pip, *bounded, "numpy", *recipe.packages], folder, say)
    if recipe.nodeps:
        _pip([*pip, "--no-deps", *recipe.nodeps], folder, say)
    if recipe.checkout:
        _clone(recipe, folder, say)
    (folder / MARKER).write_text(
        json.dumps({"name": recipe.name, "packages": recipe.packages}, indent=2), encoding="utf-8"
    )
    return folder


def remove(name: str) -> Path:
    folder = environments_dir() / name
    if not folder.exists():
        raise CommandError(f"the environment {name} is not installed")
    # The marker goes first: a removal that breaks off must not leave something that looks whole.
    (folder / MARKER).unlink(missing_ok=True)
    shutil.rmtree(folder)
    return folder


def _python_for(recipe: Recipe) -> str:
    if not recipe.pythons or sys.version_info.minor in recipe.pythons:
        return sys.executable
    for minor in recipe.pythons:
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    wanted = " or ".join(f"3.{minor}" for minor in recipe.pythons)
    raise CommandError(f"{recipe.name} needs Python {wanted} (upstream's pins); install it and run this again")


def _clone(recipe: Recipe, folder: Path, say: Say) -> None:
    target = folder / "checkout"
    if (target / ".git").exists():
        return
    if shutil.which("git") is None:
        raise CommandError(
            f"{recipe.name} is not packaged by its authors: install git, or clone {recipe.checkout} to {target}"
        )
    say(f"cloning {recipe.checkout}")
    shutil.rmtree(target, ignore_errors=True)
    _run(
        [
            "git",
            "clone",
            "--quiet",
            "--depth",
            "1",
            "--recursive",
            "--shallow-submodules",
            recipe.checkout,
            str(target),
        ],
        folder,
    )


def _run(command: list[str], folder: Path) -> None:
    for _ in _lines(command, folder):
        pass


def _pip(command: list[str], folder: Path, say: Say) -> None:
    packages = 0
    for line in _lines(command, folder):
        if line.startswith("Collecting "):
            packages += 1
            say(f"{packages} packages, {line.split()[1]}")
        elif line.startswith("Installing collected packages"):
            say(f"unpacking {packages} packages")


def _lines(command: list[str], folder: Path) -> Iterator[str]:
    log = folder / _LOG
    with log.open("a", encoding="utf-8") as out:
        out.write("$ " + " ".join(command) + "\n")
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        assert process.stdout is not None
        tail: list[str] = []
        try:
            for line in process.stdout:
                out.write(line)
                tail = [*tail[-4:], line.rstrip()]
                yield line
        finally:
            # Ctrl-C: nothing of ours goes on in the background.
            if process.poll() is None:
                process.terminate()
            process.wait()
    if process.returncode != 0:
        raise CommandError("\n".join([f"{command[0]} failed; the last lines were:", *tail, f"The whole log: {log}"]))
