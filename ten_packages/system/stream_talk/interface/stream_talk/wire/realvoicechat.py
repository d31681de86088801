"""The protocol of RealtimeVoiceChat's browser page: binary microphone frames up, small JSON messages down.

What its page relies on, and we therefore keep: replaced (not appended) partial texts; no reply before `final_user_request`; the final
answer after its last sound; `stop_tts` before `tts_interruption`, always both (the first alone mutes the page for good); no empty
and no odd-sized `tts_chunk`.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream_talk.wire.strict_json import BadJson, dumps, loads_object

SAMPLE_RATE_HZ = 48_000
HEADER = struct.Struct(">II")
FLAG_PLAYING = 1
MAX_AUDIO_BYTES = 65_536
MAX_TEXT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Microphone:
    """`sent_at_ms` wraps every 49.7 days and is good for differences only."""

    sent_at_ms: int
    client_is_playing: bool
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Playing:
    """The page began or stopped to play."""

    on: bool


@dataclass(frozen=True, slots=True)
class ClearHistory:
    pass


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Patience at the end of a turn: 0 fast, 1 slow."""

    patience: float


Received = Microphone | Playing | ClearHistory | SetSpeed


def parse_bytes(data: bytes) -> Microphone | None:
    """None for what the reference server ignores too."""
    if not HEADER.size + 2 <= len(data) <= MAX_AUDIO_BYTES:
        return None
    sent_at_ms, flags = HEADER.unpack_from(data)
    pcm = data[HEADER.size :]
    return Microphone(sent_at_ms, bool(flags & FLAG_PLAYING), pcm[: len(pcm) & ~1])


def parse_text(text: str) -> Received | None:
    """None for what the reference server ignores too: bad JSON, unknown types, a speed that is no number."""
    try:
        message = loads_object(text, MAX_TEXT_BYTES)
    except BadJson:
        return None
    kind = message.get("type")
    if kind in ("tts_start", "tts_stop"):
        return Playing(kind == "tts_start")
    if kind == "clear_history":
        return ClearHistory()
    if kind == "set_speed":
        speed = message.get("speed", 0)
        if isinstance(speed, (int, float)) and not isinstance(speed, bool):
            return SetSpeed(min(100.0, max(0.0, float(speed))) / 100.0)
    return None


def encode(kind: str, content: str = "") -> str:
    return dumps({"type": kind, "content": content})


def encode_sound(pcm: bytes) -> str:
    return encode("tts_chunk", base64.b64encode(pcm).decode("ascii"))


class PageView:
    """Turns what a conversation tells into what the page is told."""

    def __init__(self) -> None:
        self._answer = ""
        self._answer_generation = -1
        self._answer_is_complete = False
        self._sounding: int | None = None
        self._person_talks = False
        self._too_early: list[str] | None = None
        """Sound of a reply that was ready before the person's last words were told: the page wants those first."""

    def on_message(self, message: Mapping[str, Any]) -> list[str]:
        kind = message.get("type")
        if kind == "user_text":
            self._person_talks = not message.get("final")
            name = "partial_user_request" if self._person_talks else "final_user_request"
            return [encode(name, str(message.get("text", ""))), *(() if self._person_talks else self._waited())]
        if kind == "assistant_text" and not message.get("reasoning"):
            return self._assistant_text(message)
        if kind == "audio_start":
            self._sounding = int(message["generation"])
            self._too_early = [] if self._person_talks else None
        elif kind == "audio_end":
            return [*self._waited(), *self._audio_end(message)]
        elif kind == "state" and message.get("state") in ("idle", "listening") and self._sounding is None:
            return self._final_answer()
        return []

    def _assistant_text(self, message: Mapping[str, Any]) -> list[str]:
        generation = int(message.get("generation", 0))
        done = self._final_answer() if generation != self._answer_generation else []
        self._answer_generation = generation
        self._answer = str(message.get("text", ""))
        self._answer_is_complete = bool(message.get("final"))
        return [*done, encode("partial_assistant_answer", self._answer)]

    def _audio_end(self, message: Mapping[str, Any]) -> list[str]:
        self._sounding = None
        if message.get("reason") == "finished" and self._answer_generation == int(message["generation"]):
            return self._final_answer()
        return []

    def _final_answer(self) -> list[str]:
        if not self._answer.strip():
            return []
        text, self._answer = " ".join(self._answer.split()), ""
        return [encode("final_assistant_answer", text)]

    def on_sound(self, pcm: bytes) -> list[str]:
        if not pcm:
            return []
        if self._too_early is None:
            return [encode_sound(pcm)]
        self._too_early.append(encode_sound(pcm))
        return []

    def _waited(self) -> list[str]:
        waited, self._too_early = self._too_early or [], None
        return waited

    def on_cut(self, generation: int) -> list[str]:
        """Nothing for a reply that was never audible: a retracted draft is none of the page's business."""
        if self._sounding is None or self._sounding > generation:
            return []
        self._sounding = self._too_early = None
        return [*self._final_answer(), encode("stop_tts"), encode("tts_interruption")]
