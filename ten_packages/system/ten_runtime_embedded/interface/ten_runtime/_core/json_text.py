"""JSON as properties need it: strict numbers in, buffers and gaps as ``null`` out, non-ASCII left readable."""

from __future__ import annotations

import json
from typing import Any


def _reject_constant(text: str) -> Any:
    raise ValueError(f"'{text}' is not a JSON number")


_decode = json.JSONDecoder(parse_constant=_reject_constant).decode
_encode = json.JSONEncoder(ensure_ascii=False, default=lambda _value: None, allow_nan=True).encode


def parse(text: str) -> Any:
    """Raises ``ValueError`` for everything that is not JSON, also when it is nested too deeply to be read."""
    try:
        return _decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dump(value: Any) -> str:
    return _encode(value)
