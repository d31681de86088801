"""Property paths: `a.b[0].c`, as rules of message conversion and findings write them."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import Any

_SEGMENT = re.compile(r"([^.\[\]]+)((?:\[\d+\])*)")
MISSING = object()
MAX_INDEX = 10_000


@lru_cache(maxsize=1024)
def parse(path: str) -> tuple[str | int, ...]:
    """Keys and indexes of a path; ValueError when it is malformed. Empty segments are dropped."""
    keys: list[str | int] = []
    for segment in path.split("."):
        if not segment:
            continue
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            raise ValueError(f'malformed property path "{path}"')
        keys.append(match[1])
        for index in re.findall(r"\d+", match[2]):
            if len(index) > 5 or int(index) > MAX_INDEX:
                raise ValueError(f'index out of range in property path "{path}"')
            keys.append(int(index))
    if not keys:
        raise ValueError("property path is empty")
    return tuple(keys)


def get(tree: Any, path: str) -> Any:
    """The value at a path, or MISSING."""
    for key in parse(path):
        if isinstance(key, int):
            if not isinstance(tree, list) or key >= len(tree):
                return MISSING
        elif not isinstance(tree, dict) or key not in tree:
            return MISSING
        tree = tree[key]
    return tree


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Sets a value, making missing parents; a parent of the wrong type is replaced, gaps of lists are filled with None."""
    keys = parse(path)
    holder: Any = tree
    for key, following in itertools.pairwise(keys):
        fresh: Any = [] if isinstance(following, int) else {}
        if isinstance(key, int):
            _grow(holder, key)
        current = holder[key] if isinstance(key, int) else holder.get(key)
        if type(current) is not type(fresh):
            holder[key] = current = fresh
        holder = current
    last = keys[-1]
    if isinstance(last, int):
        _grow(holder, last)
    holder[last] = value


def _grow(items: list[Any], index: int) -> None:
    items.extend([None] * (index + 1 - len(items)))
