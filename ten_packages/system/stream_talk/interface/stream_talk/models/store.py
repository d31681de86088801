"""Models on this machine. A graph names one as `model:NAME`; here that becomes a path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream_talk.paths import environments_dir, models_dir

PREFIX = "model:"
ENGINE_PREFIX = "engine:"
# Written last, so that a half-fetched model is not taken for a whole one.
MARKER = ".stream-talk-model.json"


def model_path(name: str) -> Path:
    return models_dir() / name


def is_installed(name: str) -> bool:
    return (model_path(name) / MARKER).is_file()


def resolve_models(tree: Any) -> Any:
    """`tree` with every `model:NAME` (or `model:NAME/file`) replaced by its path, whether it is there or not, and every
    `engine:NAME/...` by the path inside the environment that `stream-talk engines install NAME` built."""
    if isinstance(tree, str) and tree.startswith(PREFIX):
        return str(model_path(tree.removeprefix(PREFIX)))
    if isinstance(tree, str) and tree.startswith(ENGINE_PREFIX):
        return str(environments_dir() / tree.removeprefix(ENGINE_PREFIX))
    if isinstance(tree, dict):
        return {key: resolve_models(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [resolve_models(value) for value in tree]
    return tree


def named_models(tree: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """(place, model name) of every `model:NAME` in `tree`."""
    if isinstance(tree, str) and tree.startswith(PREFIX):
        yield where, tree.removeprefix(PREFIX).partition("/")[0]
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from named_models(value, f"{where}.{key}" if where else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from named_models(value, f"{where}[{index}]")
