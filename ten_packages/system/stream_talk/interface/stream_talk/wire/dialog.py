"""The dialog-engine contract: requests of `/chat/...`, their server-sent events, and the frames of the output socket. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream_talk.wire import strict_json

MAX_AUDIO_BYTES = 5 * 1024 * 1024
MAX_AUDIO_SECONDS = 300.0
MAX_TEXT_CHARS = 8_000
_MAX_BODY_BYTES = 8 * 1024 * 1024
_DEFAULT_SESSION = "default"


class Refusal(Exception):
    """Answered as `{"detail": …}` with the status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ChatRequest:
    session_id: str
    content: str
    language: str


@dataclass(frozen=True, slots=True)
class AudioRequest:
    session_id: str
    audio: bytes
    language: str


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return strict_json.loads_object(raw, _MAX_BODY_BYTES)
    except strict_json.BadJson:
        raise Refusal(400, "invalid json") from None


def _text(value: Any, otherwise: str = "", limit: int = 200) -> str:
    return value[:limit] if isinstance(value, str) and value.strip() else otherwise


def parse_chat(raw: bytes) -> ChatRequest:
    body = _object(raw)
    content = _text(body.get("content"), limit=MAX_TEXT_CHARS)
    if not content:
        raise Refusal(400, "content required")
    meta = body["meta"] if isinstance(body.get("meta"), dict) else {}
    return ChatRequest(_text(body.get("sessionId"), _DEFAULT_SESSION), content, _text(meta.get("lang")))


def parse_audio(raw: bytes) -> AudioRequest:
    body = _object(raw)
    encoded = body.get("audio")
    if not isinstance(encoded, str) or not encoded:
        raise Refusal(400, "audio required")
    try:
        audio = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "invalid audio encoding") from None
    if len(audio) > MAX_AUDIO_BYTES:
        raise Refusal(413, "audio payload too large")
    return AudioRequest(_text(body.get("sessionId"), _DEFAULT_SESSION), audio, _text(body.get("lang")))


def parse_session(raw: bytes) -> str:
    session_id = _text(_object(raw).get("sessionId"))
    if not session_id:
        raise Refusal(400, "sessionId required")
    return session_id


@dataclass(frozen=True, slots=True)
class MockRequest:
    session_id: str
    chunks: int
    delay_ms: float


def parse_mock(raw: bytes) -> MockRequest:
    body = _object(raw)
    session_id = _text(body.get("sessionId"))
    if not session_id or not _text(body.get("text")):
        raise Refusal(400, "sessionId and text required")
    return MockRequest(
        session_id, int(_between(body.get("chunkCount"), 5, 1, 1_000)), _between(body.get("chunkDelayMs"), 40, 0, 5_000)
    )


def _between(value: Any, otherwise: float, low: float, high: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return min(high, max(low, float(value))) if is_number else otherwise


def is_task_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def sse(event: str, data: Mapping[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def word_count(text: str) -> int:
    return len(text.split())


# --- the ingest socket: an engine elsewhere pushes speech -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    session_id: str
    seq: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Control:
    session_id: str
    action: str


def parse_ingest(text: str) -> SpeechChunk | Control | None:
    """None for what the contract says to ignore."""
    try:
        body = strict_json.loads_object(text, _MAX_BODY_BYTES)
        if body.get("type") == "SPEECH_CHUNK":
            pcm = base64.b64decode(body["pcm"], validate=True)
            return SpeechChunk(str(body["sessionId"]), int(body["seq"]), pcm)
        if body.get("type") == "CONTROL" and body.get("action") in ("END", "STOP_ACK"):
            return Control(str(body["sessionId"]), str(body["action"]))
    except (strict_json.BadJson, KeyError, ValueError, TypeError, binascii.Error):
        return None
    return None


def stop_command(session_id: str) -> str:
    return json.dumps({"type": "CONTROL", "action": "STOP", "sessionId": session_id})


# --- the output socket ------------------------------------------------------------------------------------------------


def chunk_header(task_id: str, chunk_id: int) -> str:
    """Followed by one binary frame."""
    return json.dumps({"type": "audio_chunk", "task_id": task_id, "chunk_id": chunk_id, "total_chunks": None})


def control_frame(task_id: str, action: str) -> str:
    return json.dumps({"type": "control", "action": action, "task_id": task_id})


def result_frame(task_id: str, content: str, transcript: str, stats: Mapping[str, Any], input_mode: str) -> str:
    return json.dumps(
        {
            "status": "success",
            "task_id": task_id,
            "content": content,
            "audio_present": False,
            "transcript": transcript,
            "stats": dict(stats),
            "source": "dialog-engine",
            "input_mode": input_mode,
            "partials": [],
        },
        ensure_ascii=False,
    )
