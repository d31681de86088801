"""The floors of docs/design.md, from the imports of every file: each imports only from below."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EMBEDDED = "ten_packages/system/ten_runtime_embedded/interface"
KIT = "ten_packages/system/stream_talk/interface"
EXTENSIONS = "ten_packages/extension"

# What a room of the kit may import beyond the standard library, numpy and pydantic, and why.
KIT_LIBRARIES = {
    "stream_talk.audio": {"samplerate", "soxr"},  # resampling
    "stream_talk.llm": {"httpx"},  # the OpenAI-compatible client that several extensions share
    "stream_talk.memory": {"sentence_transformers"},  # local embeddings, which the node and the worker share
    # servers and harnesses for tests
    "stream_talk.testing": {"fastapi", "uvicorn", "httpx", "starlette", "websockets", "ten_runtime", "pytest"},
}
KIT_COMMON = {"numpy", "pydantic", "stream_talk", "ten_graph"}
# Decision code is a function of (state, event, time): nothing here may wait, read a clock, or touch the world.
DECISION_ROOMS = ("stream_talk.turn", "stream_talk.text", "stream_talk.wire")
WORLDLY = {
    "asyncio", "concurrent", "datetime", "http", "logging", "multiprocessing", "os", "pathlib", "queue", "random", "select",
    "selectors",
    "shutil", "signal", "socket", "ssl", "subprocess", "tempfile", "threading", "time", "urllib",
    "stream_talk.clock", "stream_talk.engines.host", "stream_talk.ten",
}  # fmt: skip
RUNTIME_MODULES = {"ten_runtime", "ten_graph", "pytest_ten"}
APP_MODULES = {"stream_talk_cli", "bench", "main"}


@dataclass(frozen=True)
class Import:
    """`module` is absolute, with the imported name as last part where that may be a module."""

    file: str
    line: int
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def within(self, names: set[str]) -> bool:
        return any(self.module == name or self.module.startswith(f"{name}.") for name in names)


def imports_of(path: Path, package: str, root: Path) -> Iterator[Import]:
    """Every import of a file, also those inside functions; not those that only type checkers see."""
    file = path.relative_to(root).as_posix()
    for node in _running_code(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(file, node.lineno, f"{module}.{alias.name}")


def _running_code(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _running_code(child)


def modules_under(root: Path, directory: str) -> Iterator[tuple[Path, str]]:
    """(file, package it is in) of all modules, tests and templates apart."""
    base = root / directory
    for path in sorted(base.rglob("*.py")):
        parts = path.relative_to(base).parts
        if "tests" not in parts:
            yield path, ".".join(parts[:-1])


def violations(root: Path) -> list[str]:
    found: list[str] = []
    for check in (_runtime, _kit, _extensions, _apps):
        found += [f"{item.file}:{item.line} imports {item.module}: {why}" for item, why in check(root)]
    return found


Finding = tuple[Import, str]


def _runtime(root: Path) -> Iterator[Finding]:
    for path, package in modules_under(root, EMBEDDED):
        allowed = RUNTIME_MODULES if not package.startswith("ten_graph") else {"ten_graph"}
        extra = {"pytest"} if package.startswith("pytest_ten") else {"libten_runtime_python", "uvloop"}
        for item in imports_of(path, package, root):
            if item.top not in sys.stdlib_module_names and item.top not in allowed | extra:
                yield item, "floor 0 imports the standard library and itself"


def _kit(root: Path) -> Iterator[Finding]:
    for path, package in modules_under(root, KIT):
        room = ".".join(package.split(".")[:2])
        allowed = (
            KIT_COMMON | KIT_LIBRARIES.get(room, set()) | ({"ten_runtime"} if room == "stream_talk.ten" else set())
        )
        for item in imports_of(path, package, root):
            if item.top not in sys.stdlib_module_names and item.top not in allowed:
                yield (
                    item,
                    "floor 1 imports the standard library, numpy and pydantic; only stream_talk.ten imports ten_runtime",
                )
            elif room in DECISION_ROOMS and item.within(WORLDLY):
                yield item, "decision code has no I/O, threads or clocks"
            elif room not in ("stream_talk.ten", "stream_talk.testing") and _needs_runtime(item):
                yield item, "only stream_talk.ten imports ten_runtime, directly or not"


def _needs_runtime(item: Import) -> bool:
    """What imports stream_talk.ten imports ten_runtime through it; the constants of `names` stand alone."""
    return item.within({"stream_talk.ten"}) and not item.within({"stream_talk.ten.names"})


def _extensions(root: Path) -> Iterator[Finding]:
    names = (
        {path.name for path in (root / EXTENSIONS).iterdir() if path.is_dir()}
        if (root / EXTENSIONS).is_dir()
        else set()
    )
    for path, package in modules_under(root, EXTENSIONS):
        others = names - {package.split(".")[0]}
        for item in imports_of(path, package, root):
            name = item.module.removeprefix("ten_packages.extension.").partition(".")[0]
            if name in others:
                yield item, "no extension imports another"
            elif item.top in APP_MODULES:
                yield item, "floor 2 imports the kit, ten_runtime and its engine's library"
            elif path.name == "engine.py" and item.within({"ten_runtime", "stream_talk.ten"}):
                yield item, "an engine knows nothing of TEN"


def _apps(root: Path) -> Iterator[Finding]:
    names = {path.name for path in (root / EXTENSIONS).iterdir()} if (root / EXTENSIONS).is_dir() else set()
    for directory in ("apps/cli", "bench"):
        for path, package in modules_under(root, directory):
            for item in imports_of(path, f"bench.{package}".strip(".") if directory == "bench" else package, root):
                if item.top == "ten_packages" or item.top in names:
                    yield item, "floor 3 imports the kit and ten_runtime; an extension is reached through a graph"


def test_every_import_goes_down():
    assert violations(ROOT) == []


def test_every_floor_was_looked_at():
    """A directory that moved would make the rule above pass by finding nothing."""
    for directory in (EMBEDDED, KIT, EXTENSIONS, "apps/cli", "bench"):
        assert any(modules_under(ROOT, directory)), directory


@pytest.mark.parametrize(
    ("file", "code", "why"),
    [
        (f"{EMBEDDED}/ten_runtime/app.py", "import numpy", "floor 0"),
        (f"{EMBEDDED}/ten_runtime/app.py", "from stream_talk import clock", "floor 0"),
        (f"{EMBEDDED}/ten_graph/x.py", "def f():\n    import ten_runtime", "floor 0"),
        (f"{KIT}/stream_talk/engines/x.py", "from ten_runtime import Cmd", "only stream_talk.ten"),
        (f"{KIT}/stream_talk/engines/x.py", "from ..ten import stage", "only stream_talk.ten"),
        (f"{KIT}/stream_talk/graph/x.py", "import requests", "floor 1"),
        (f"{KIT}/stream_talk/turn/x.py", "import time", "no I/O, threads or clocks"),
        (f"{KIT}/stream_talk/text/deep/x.py", "from stream_talk import clock", "no I/O, threads or clocks"),
        (f"{KIT}/stream_talk/wire/x.py", "import asyncio", "no I/O, threads or clocks"),
        (
            f"{EXTENSIONS}/b_python/extension.py",
            "from ten_packages.extension.a_python import engine",
            "no extension imports another",
        ),
        (f"{EXTENSIONS}/b_python/extension.py", "from a_python.engine import X", "no extension imports another"),
        (f"{EXTENSIONS}/b_python/extension.py", "import stream_talk_cli", "floor 2"),
        (f"{EXTENSIONS}/b_python/engine.py", "from ten_runtime import Cmd", "knows nothing of TEN"),
        (f"{EXTENSIONS}/b_python/engine.py", "from stream_talk.ten import messages", "knows nothing of TEN"),
        ("apps/cli/stream_talk_cli/x.py", "from ten_packages.extension.a_python import engine", "floor 3"),
        ("bench/x.py", "import a_python.engine", "floor 3"),
    ],
)
def test_a_wrong_import_is_found(tmp_path, file, code, why):
    (tmp_path / EXTENSIONS / "a_python").mkdir(parents=True)
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)
    (found,) = violations(tmp_path)
    assert file in found
    assert why in found


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (f"{EMBEDDED}/ten_runtime/app.py", "import asyncio\nfrom ten_graph import flatten\nfrom .cmd import Cmd"),
        (f"{KIT}/stream_talk/ten/x.py", "from ten_runtime import Cmd\nimport numpy"),
        (f"{KIT}/stream_talk/turn/x.py", "import enum\nfrom stream_talk.text import clauses"),
        (f"{KIT}/stream_talk/turn/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import asyncio"),
        (
            f"{EXTENSIONS}/b_python/extension.py",
            "import torch\nfrom stream_talk.ten.asr import AsrExtension\nfrom .engine import X",
        ),
        (f"{EXTENSIONS}/b_python/tests/test_x.py", "import stream_talk_cli"),
    ],
)
def test_a_right_import_passes(tmp_path, file, code):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)
    assert violations(tmp_path) == []
