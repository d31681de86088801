"""The dialog-engine contract: requests of `/chat/...`, their server-sent events, and the frames of the output socket. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stream_talk.wire import strict_json

MAX_AUDIO_BYTES = 5 * 1024 * 1024
MAX_AUDIO_SECONDS = 300.0
MAX_TEXT_CHARS = 8_000
_MAX_BODY_BYTES = 8 * 1024 * 1024
_DEFAULT_SESSION = "default"
_MOST_SHAPES = 32


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
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class AudioRequest:
    session_id: str
    audio: bytes
    language: str
    instructions: str = ""

    def question(self, transcript: str) -> ChatRequest:
        """What was said, as if it had been typed."""
        return ChatRequest(self.session_id, transcript, self.language, self.instructions)


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
    return ChatRequest(_text(body.get("sessionId"), _DEFAULT_SESSION), content, *_wishes(body))


def _wishes(body: Mapping[str, Any]) -> tuple[str, str]:
    """Language and instructions, of `meta`."""
    meta = body["meta"] if isinstance(body.get("meta"), dict) else {}
    language = _text(body.get("lang")) or _text(meta.get("lang"))
    return language, _text(meta.get("system_prompt"), limit=MAX_TEXT_CHARS)


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
    return AudioRequest(_text(body.get("sessionId"), _DEFAULT_SESSION), audio, *_wishes(body))


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


def conversation_of(session_id: str) -> str:
    """The name under which a conversation is remembered; a `sessionId` may be any text."""
    if re.fullmatch(r"[A-Za-z0-9_-]{8,64}", session_id):
        return session_id
    return f"dialog-{hashlib.sha256(session_id.encode()).hexdigest()[:40]}"


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
    viseme: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Control:
    session_id: str
    action: str


def _shapes(raw: Any) -> dict[str, float]:
    """Weights of mouth shapes."""
    pairs = list(raw.items())[:_MOST_SHAPES] if isinstance(raw, dict) else []
    return {name[:20]: float(w) for name, w in pairs if isinstance(w, (int, float)) and not isinstance(w, bool)}


def shapes_at(visemes: Iterable[Mapping[str, Any]], start_ms: float, duration_ms: float) -> dict[str, float]:
    """How much of this piece of sound each mouth shape takes up."""
    shapes: dict[str, float] = {}
    for viseme in visemes:
        begin_ms = max(start_ms, viseme["start_ms"])
        share = (min(start_ms + duration_ms, viseme["start_ms"] + viseme["duration_ms"]) - begin_ms) / duration_ms
        if share > 0:
            shapes[viseme["viseme"]] = round(shapes.get(viseme["viseme"], 0.0) + share, 3)
    return shapes


def parse_ingest(text: str) -> SpeechChunk | Control | None:
    """None for what the contract says to ignore."""
    try:
        body = strict_json.loads_object(text, _MAX_BODY_BYTES)
        if body.get("type") == "SPEECH_CHUNK":
            pcm = base64.b64decode(body["pcm"], validate=True)
            return SpeechChunk(str(body["sessionId"]), int(body["seq"]), pcm, _shapes(body.get("viseme")))
        if body.get("type") == "CONTROL" and body.get("action") in ("END", "STOP_ACK"):
            return Control(str(body["sessionId"]), str(body["action"]))
    except (strict_json.BadJson, KeyError, ValueError, TypeError, binascii.Error):
        return None
    return None


def stop_command(session_id: str) -> str:
    return json.dumps({"type": "CONTROL", "action": "STOP", "sessionId": session_id})


# --- the output socket ------------------------------------------------------------------------------------------------


def chunk_header(task_id: str, chunk_id: int, viseme: Mapping[str, float]) -> str:
    """Followed by one binary frame. `viseme` is an addition to the contract, and absent where nothing is known."""
    header = {"type": "audio_chunk", "task_id": task_id, "chunk_id": chunk_id, "total_chunks": None}
    return json.dumps({**header, "viseme": dict(viseme)} if viseme else header)


def control_frame(task_id: str, action: str) -> str:
    return json.dumps({"type": "control", "action": action, "task_id": task_id})
