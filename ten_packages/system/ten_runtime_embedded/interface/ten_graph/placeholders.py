"""`${env:NAME}` and `${env:NAME|default}` in property trees.

Only a whole string is a placeholder: text around it would be ambiguous with values that merely contain a dollar sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class PlaceholderError(ValueError):
    """A placeholder that cannot be resolved; `path` is where it stands in the tree, `variable` what is missing."""

    def __init__(self, message: str, *, path: str = "", variable: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.variable = variable


@dataclass(frozen=True)
class Placeholder:
    path: str
    variable: str
    default: str | None


def parse(text: str, path: str = "") -> Placeholder | None:
    """The placeholder that `text` is, None when it is an ordinary string, PlaceholderError when it is malformed."""
    if not (text.startswith("${") and text.endswith("}")):
        return None
    scope, colon, rest = text[2:-1].partition(":")
    if not colon:
        raise PlaceholderError(f"Unsupported placeholder: {text}", path=path)
    if scope != "env":
        raise PlaceholderError(f"Unsupported placeholder scope: {scope}", path=path)
    name, bar, default = rest.replace("\\", "").partition("|")
    if not name:
        raise PlaceholderError(f"Unsupported placeholder: {text}", path=path)
    return Placeholder(path, name, default if bar else None)


def find(tree: Any, path: str = "") -> Iterator[Placeholder | PlaceholderError]:
    """Every placeholder of a tree; a malformed one is yielded as its error, so that all can be reported in one pass."""
    if isinstance(tree, str):
        try:
            placeholder = parse(tree, path)
        except PlaceholderError as error:
            yield error
            return
        if placeholder is not None:
            yield placeholder
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from find(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from find(value, f"{path}[{index}]")


def resolve(tree: Any, environ: Mapping[str, str], path: str = "") -> Any:
    """A copy of the tree with every placeholder replaced. The result of a placeholder is always a string."""
    if isinstance(tree, str):
        return _resolve_text(tree, environ, path) if tree.startswith("${") else tree
    if isinstance(tree, Mapping):
        return {key: resolve(value, environ, f"{path}.{key}" if path else str(key)) for key, value in tree.items()}
    if isinstance(tree, list):
        return [resolve(value, environ, f"{path}[{index}]") for index, value in enumerate(tree)]
    return tree


def _resolve_text(text: str, environ: Mapping[str, str], path: str) -> str:
    placeholder = parse(text, path)
    if placeholder is None:
        return text
    value = environ.get(placeholder.variable)
    if value is None:
        value = placeholder.default
    if value is None:
        message = f"the environment variable {placeholder.variable} is not set and the placeholder has no default"
        raise PlaceholderError(message, path=path, variable=placeholder.variable)
    return value
