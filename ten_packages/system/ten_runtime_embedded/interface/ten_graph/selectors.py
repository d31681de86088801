"""Selector nodes: a filter over the nodes of a graph, used in place of a node's name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

FIELDS = ("type", "name", "app", "addon")
OPERATORS = ("exact", "regex")


def problems(condition: object) -> Iterator[str]:
    if not isinstance(condition, Mapping):
        yield "a filter is an object {field, operator, value} or {and: [...]} or {or: [...]}"
        return
    groups = [key for key in ("and", "or") if key in condition]
    if groups:
        for key in groups:
            members = condition[key]
            if not isinstance(members, list) or not members:
                yield f"'{key}' must be a list with at least one filter"
                continue
            for member in members:
                yield from problems(member)
        if len(condition) > 1:
            yield "'and' / 'or' stands alone in its object"
        return
    if condition.get("field") not in FIELDS:
        yield f"'field' must be one of {', '.join(FIELDS)}"
    if condition.get("operator") not in OPERATORS:
        yield f"'operator' must be one of {', '.join(OPERATORS)}"
    if not isinstance(condition.get("value"), str):
        yield "'value' must be a string"


def matches(condition: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Whether a node passes a (valid) filter."""
    if "and" in condition:
        return all(matches(member, node) for member in condition["and"])
    if "or" in condition:
        return any(matches(member, node) for member in condition["or"])
    value = node.get(condition["field"])
    if not isinstance(value, str):
        return False
    if condition["operator"] == "exact":
        return bool(value == condition["value"])
    pattern = _compile(condition["value"])
    return pattern is not None and pattern.search(value) is not None


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None  # as in TEN: an invalid expression matches nothing
