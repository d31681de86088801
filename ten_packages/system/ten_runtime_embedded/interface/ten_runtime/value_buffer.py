"""Kept for imports: the native runtime serialises log fields with this; here they stay Python values."""

from __future__ import annotations

from ._core import json_text
from .value import Value

MAGIC = 0x010E
VERSION = 1


def serialize_to_buffer(value: Value) -> bytes:
    """A self-describing form of a value: magic, version, then JSON."""
    return MAGIC.to_bytes(2, "little") + bytes((VERSION,)) + json_text.dump(value.to_python()).encode()
