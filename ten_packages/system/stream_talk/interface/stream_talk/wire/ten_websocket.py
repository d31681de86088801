"""The protocol of TEN's `websocket_server` extension: JSON with base64 sound, 16 kHz mono both ways."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream_talk.wire.strict_json import BadJson, dumps, loads_object

SAMPLE_RATE_HZ = 16_000
MAX_MESSAGE_BYTES = 1 << 20
ASSISTANT_STREAM_ID = 100
USER_STREAM_ID = 0
ONE_CLIENT_TEXT = "Connection rejected: server only accepts one connection at a time"
ONE_CLIENT_CLOSE = (1008, "Only one connection allowed")


class BadTenMessage(ValueError):
    """Refusal of one message, in the words that TEN's own server uses."""


@dataclass(frozen=True, slots=True)
class Sound:
    pcm: bytes
    metadata: Mapping[str, Any]


def parse(text: str | bytes) -> Sound:
    try:
        message = loads_object(text, MAX_MESSAGE_BYTES)
    except BadJson as error:
        raise BadTenMessage(f"Invalid JSON: {error}") from None
    audio, metadata = message.get("audio"), message.get("metadata", {})
    if not isinstance(audio, str) or not audio:
        raise BadTenMessage('Missing required field: "audio" with base64 data')
    if not isinstance(metadata, dict):
        raise BadTenMessage("Processing error: metadata must be an object")
    try:
        pcm = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadTenMessage(f"Invalid base64 audio data: {error}") from None
    return Sound(pcm[: len(pcm) & ~1], metadata)


def error(text: str) -> str:
    return dumps({"type": "error", "error": text})


def sound(pcm: bytes, metadata: Mapping[str, Any]) -> str:
    described = {
        **metadata,
        "sample_rate": SAMPLE_RATE_HZ,
        "channels": 1,
        "bytes_per_sample": 2,
        "samples_per_channel": len(pcm) // 2,
    }
    return dumps({"type": "audio", "audio": base64.b64encode(pcm).decode("ascii"), "metadata": described})


def text_data(message: Mapping[str, Any], now_epoch_ms: int) -> str | None:
    """`user_text` and `assistant_text` as TEN's transcripts; None for what its clients do not know."""
    kind = message.get("type")
    if kind not in ("user_text", "assistant_text"):
        return None
    is_user, text, data_type = kind == "user_text", str(message.get("text", "")), "transcribe"
    if message.get("reasoning"):
        data_type, text = "raw", dumps({"type": "reasoning", "data": {"text": text}})
    data = {
        "data_type": data_type,
        "role": "user" if is_user else "assistant",
        "text": text,
        "text_ts": now_epoch_ms,
        "is_final": bool(message.get("final")),
        "stream_id": USER_STREAM_ID if is_user else ASSISTANT_STREAM_ID,
    }
    return dumps({"type": "data", "name": "text_data", "data": data})
