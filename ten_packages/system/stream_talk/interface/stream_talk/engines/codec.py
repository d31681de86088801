"""Bytes between a host and its worker process.

A message is a JSON head plus raw blobs for audio, so that the two sides may run different Python and numpy versions (pickles
of arrays do not survive that) and so that a worker can never make its host execute anything.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, BinaryIO

import numpy as np

from stream_talk.engines import interfaces

_FRAME = struct.Struct("<II")
_MAX_BYTES = 256 * 1024 * 1024
_TYPES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        interfaces.Word,
        interfaces.Transcript,
        interfaces.Viseme,
        interfaces.SpeechChunk,
        interfaces.SpeechRequest,
        interfaces.Voice,
        interfaces.TextDelta,
        interfaces.ToolCall,
        interfaces.Usage,
        interfaces.LlmRequest,
    )
}


class RemoteError(RuntimeError):
    """An exception that happened in a worker; `kind` is the name of its class there."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def encode(message: dict[str, Any]) -> bytes:
    blobs: list[bytes] = []
    offset = 0

    def pack(value: Any) -> Any:
        nonlocal offset
        if isinstance(value, np.ndarray):
            raw = np.ascontiguousarray(value).tobytes()
            blobs.append(raw)
            offset += len(raw)
            return {"$": "ndarray", "dtype": value.dtype.str, "at": offset - len(raw), "size": len(raw)}
        if isinstance(value, (bytes, bytearray)):
            blobs.append(bytes(value))
            offset += len(value)
            return {"$": "bytes", "at": offset - len(value), "size": len(value)}
        return _pack_plain(value, pack)

    head = json.dumps(pack(message), ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join((_FRAME.pack(len(head), offset), head, *blobs))


def read_message(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message, or None at the end of the stream."""
    prefix = stream.read(_FRAME.size)
    if len(prefix) < _FRAME.size:
        return None
    head_size, blob_size = _FRAME.unpack(prefix)
    if head_size + blob_size > _MAX_BYTES:
        raise ValueError(f"a message of {head_size + blob_size} bytes is over the limit; the stream is not ours")
    body = stream.read(head_size + blob_size)
    if len(body) < head_size + blob_size:
        return None
    blob = memoryview(body)[head_size:]
    message = _unpack(json.loads(body[:head_size]), blob)
    if not isinstance(message, dict):
        raise ValueError("a worker message must be an object")
    return message


def _pack_plain(value: Any, pack: Callable[[Any], Any]) -> Any:
    """Everything that is not raw bytes: exceptions, our dataclasses, containers, scalars."""
    if isinstance(value, BaseException):
        return pack_error(value)
    if is_dataclass(value) and not isinstance(value, type):
        packed = {f.name: pack(getattr(value, f.name)) for f in fields(value)}
        return {"$": type(value).__name__, **packed}
    if isinstance(value, dict):
        return {str(key): pack(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [pack(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"cannot send {type(value).__name__} to or from a worker; use the types of engines.interfaces")


def pack_error(error: BaseException) -> dict[str, Any]:
    if isinstance(error, interfaces.EngineUnavailable):
        return {"$": "EngineUnavailable", "what": error.what, "remedy": error.remedy, "permanent": error.permanent}
    return {"$": "error", "kind": type(error).__name__, "message": str(error)}


def _unpack(value: Any, blob: memoryview) -> Any:
    if isinstance(value, list):
        return [_unpack(item, blob) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get("$")
    if tag is None:
        return {key: _unpack(item, blob) for key, item in value.items()}
    if tag == "ndarray":
        # Copied: the message buffer is shared by all arrays of the message and would be kept alive by the smallest of them.
        return np.frombuffer(blob[value["at"] : value["at"] + value["size"]], dtype=value["dtype"]).copy()
    if tag == "bytes":
        return bytes(blob[value["at"] : value["at"] + value["size"]])
    if tag == "EngineUnavailable":
        return interfaces.EngineUnavailable(value["what"], value["remedy"], permanent=value["permanent"])
    if tag == "error":
        return RemoteError(value["kind"], value["message"])
    content = {key: _unpack(item, blob) for key, item in value.items() if key != "$"}
    return _TYPES[tag](**content)
