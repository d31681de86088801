"""JSON as properties need it: strict numbers in, buffers and gaps as ``null`` out, non-ASCII left readable."""

from __future__ import annotations

import json
from typing import Any, Final


def _reject_constant(text: str) -> Any:
    raise ValueError(f"'{text}' is not a JSON number")


MAX_DEPTH: Final = 100
_decode = json.JSONDecoder(parse_constant=_reject_constant).decode
_encode = json.JSONEncoder(ensure_ascii=False, default=lambda _value: None, allow_nan=True).encode


def parse(text: str) -> Any:
    """Raises ``ValueError`` for everything that is not JSON, also when it is nested too deeply to be read."""
    try:
        value = _decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Trees are copied and merged by recursion; one that comes from outside must not be able to break that."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def dump(value: Any) -> str:
    return _encode(value)
