"""Property trees: plain dicts and lists, addressed by paths like ``params.voices[0].name``.

A buffer is ``bytes``. A gap in an array that was set beyond its end is ``GAP``; it reads as an invalid value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from ..error import VALUE_NOT_FOUND, TenError, TenErrorCode


class _Marker:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


MISSING: Final = _Marker("MISSING")
GAP: Final = _Marker("GAP")
INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1

_SEGMENT = re.compile(r"([^\[\]]*)((?:\[\d+\])*)\Z")
_INDEX = re.compile(r"\[(\d+)\]")
_MAX_INDEX = 1_000_000  # a typo in an index must not allocate all memory


@lru_cache(maxsize=4096)
def parse_path(path: str) -> tuple[str | int, ...]:
    """``a.b[0]`` -> ``("a", "b", 0)``. What is not of that shape is one literal name."""
    steps: list[str | int] = []
    for segment in path.split("."):
        if not segment:
            continue
        match = _SEGMENT.match(segment)
        if match is None:
            steps.append(segment)
            continue
        if match[1]:
            steps.append(match[1])
        steps.extend(int(index) for index in _INDEX.findall(match[2]))
    return tuple(steps)


def find(tree: Any, path: str) -> Any:
    """The value at ``path`` or ``MISSING``."""
    value = tree
    for step in parse_path(path):
        if step.__class__ is str:
            if value.__class__ is not dict:
                return MISSING
            value = value.get(step, MISSING)
            if value is MISSING:
                return MISSING
        else:
            if value.__class__ is not list or step >= len(value):  # type: ignore[operator]
                return MISSING
            value = value[step]  # type: ignore[index]
    return value


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set a value; missing parents are made, parents of the wrong type are replaced. Raises ``ValueError``."""
    steps = parse_path(path)
    if not steps:
        raise ValueError(f"'{path}' names no property")
    if steps[0].__class__ is not str:
        raise ValueError(f"'{path}' must start with a name")
    holder: Any = tree
    for position, step in enumerate(steps[:-1]):
        wanted: type = dict if steps[position + 1].__class__ is str else list
        child = _child(holder, step)
        if child.__class__ is not wanted:
            child = wanted()
            _assign(holder, step, child, path)
        holder = child
    _assign(holder, steps[-1], value, path)


def _child(holder: Any, step: str | int) -> Any:
    if holder.__class__ is dict:
        return holder.get(step)
    return holder[step] if step < len(holder) else None  # type: ignore[operator]


def _assign(holder: Any, step: Any, value: Any, path: str) -> None:
    if holder.__class__ is list:
        if step > _MAX_INDEX:
            raise ValueError(f"the index {step} in '{path}' is too large")
        while len(holder) <= step:
            holder.append(GAP)
    holder[step] = value


def copy_tree(value: Any) -> Any:
    """A deep copy; scalars and ``bytes`` are immutable and shared."""
    if value.__class__ is dict:
        return {key: copy_tree(child) for key, child in value.items()}
    if value.__class__ is list:
        return [copy_tree(child) for child in value]
    return value


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Deep merge: objects recursively, everything else (arrays too) is replaced by ``over``'s value."""
    merged = dict(base)
    for key, value in over.items():
        present = merged.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            merged[key] = merge(present, value)
        else:
            merged[key] = copy_tree(value)
    return merged


_TYPE_NAMES = {bool: "bool", float: "float64", str: "string", bytes: "buf", list: "array", dict: "object"}


def type_name(value: Any) -> str:
    if value.__class__ is int:
        return "int64" if value <= INT64_MAX else "uint64"
    if value is None:
        return "null"
    return _TYPE_NAMES.get(value.__class__, "invalid")


def not_found(path: str) -> TenError:
    return TenError.create(VALUE_NOT_FOUND, f"Failed to find value: {path}")


def unfit(value: Any, wanted: str) -> TenError:
    return TenError.create(
        TenErrorCode.ErrorCodeGeneric, f"The conversion from {type_name(value)} to {wanted} is unfit."
    )


def bad_arguments() -> ValueError:
    return ValueError("Failed to parse arguments.")
