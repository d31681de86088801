"""Reading JSON from strangers: one object, bounded, finite numbers, valid Unicode, no recursion bombs."""

from __future__ import annotations

import json
from typing import Any


class BadJson(ValueError):
    """Why a text is not an acceptable message, as a sentence."""


def _no_constant(name: str) -> Any:
    raise BadJson(f"{name} is not a JSON number")


def loads_object(text: str | bytes, max_bytes: int) -> dict[str, Any]:
    """The JSON object in `text`. Raises `BadJson` for anything else."""
    if len(text) > max_bytes:
        raise BadJson(f"message longer than {max_bytes} bytes")
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > max_bytes:
            raise BadJson(f"message longer than {max_bytes} bytes")
        value = json.loads(raw, parse_constant=_no_constant)
        if b"\\u" in raw:
            # Half of an escaped surrogate pair is accepted by the parser, but could never be sent or stored again.
            json.dumps(value, ensure_ascii=False).encode()
    except BadJson:
        raise
    except UnicodeError:
        raise BadJson("text is not valid Unicode") from None
    except RecursionError:
        raise BadJson("JSON nested too deeply") from None
    except ValueError as error:
        raise BadJson(f"not JSON: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise BadJson("a message is a JSON object")
    return value


def dumps(value: Any) -> str:
    """Compact JSON with readable non-Latin text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
