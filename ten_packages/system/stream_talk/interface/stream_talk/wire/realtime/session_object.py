"""The session object: defaults, merging of updates, and what an update means for the conversation."""

from __future__ import annotations

import copy
from typing import Any

from stream_talk.wire.realtime.errors import RealtimeError
from stream_talk.wire.realtime.formats import AudioFormat
from stream_talk.wire.realtime.functions import is_function

_SERVER_VAD = {
    "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
    "create_response": True, "interrupt_response": True, "idle_timeout_ms": None,
}  # fmt: skip
_SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
_KNOWN = frozenset(
    "type model output_modalities instructions audio tools tool_choice max_output_tokens parallel_tool_calls reasoning prompt"
    " include tracing truncation id object expires_at".split()
)
# What an update replaces as a whole. The last five mean nothing to us and are kept for the client to read back.
_REPLACED = (
    "output_modalities", "instructions", "tools", "tool_choice", "max_output_tokens", "tracing", "truncation",
    "parallel_tool_calls", "reasoning", "prompt", "include",
)  # fmt: skip
# How long we wait after a finished phrase, as the kit's `patience` (0 quick .. 1 patient).
_EAGERNESS_PATIENCE = {"high": 0.0, "medium": 0.5, "auto": 0.5, "low": 1.0}
_QUICK_SILENCE_MS, _PATIENT_SILENCE_MS = 200.0, 1_200.0
_SLOWEST_RATE = 0.5  # of our voices; the protocol allows half of that
OPENAI_VOICES = frozenset("alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split())
"""Clients send these without knowing ours, so they mean "the graph's own voice"."""
MAX_INSTRUCTIONS_CHARS = 100_000
MAX_TOOLS = 128


class SessionObject:
    def __init__(self, session_id: str, model: str, voice: str, expires_at_s: int) -> None:
        self.voice_locked = False
        self._body: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": model,
            "expires_at": expires_at_s,
            "output_modalities": ["audio"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "audio": {
                "input": {
                    "format": AudioFormat().body(),
                    "noise_reduction": None,
                    "transcription": None,
                    "turn_detection": dict(_SERVER_VAD),
                },
                "output": {"format": AudioFormat().body(), "voice": voice, "speed": 1.0},
            },
        }

    def body(self) -> dict[str, Any]:
        """The full effective object, as `session.created` and `session.updated` carry it."""
        return copy.deepcopy(self._body)

    @property
    def input_format(self) -> AudioFormat:
        return AudioFormat.parse(self._body["audio"]["input"]["format"], "session.audio.input.format")

    @property
    def output_format(self) -> AudioFormat:
        return AudioFormat.parse(self._body["audio"]["output"]["format"], "session.audio.output.format")

    @property
    def is_text_only(self) -> bool:
        return bool(self._body["output_modalities"] == ["text"])

    @property
    def is_manual(self) -> bool:
        return self._body["audio"]["input"]["turn_detection"] is None

    @property
    def tools(self) -> list[dict[str, Any]]:
        return list(self._body["tools"]) if self._body["tool_choice"] != "none" else []

    @property
    def prefix_padding_ms(self) -> int:
        detection = self._body["audio"]["input"]["turn_detection"] or {}
        return int(detection.get("prefix_padding_ms", _SERVER_VAD["prefix_padding_ms"]))

    def update(self, changes: Any) -> dict[str, Any]:
        """Merge, all or nothing; returns the settings that the conversation has to be told."""
        if not isinstance(changes, dict):
            raise RealtimeError("invalid_value", "session is an object.", param="session")
        unknown = sorted(set(changes) - _KNOWN)
        if unknown:
            raise RealtimeError(
                "unknown_parameter", f"Unknown parameter: 'session.{unknown[0]}'.", param=f"session.{unknown[0]}"
            )
        if changes.get("type", "realtime") != "realtime":
            raise RealtimeError(
                "invalid_value", "Only sessions of type 'realtime' are served here.", param="session.type"
            )
        merged = copy.deepcopy(self._body)
        merged.update({key: changes[key] for key in _REPLACED if key in changes})
        _merge_audio(merged["audio"], changes.get("audio") or {}, voice_locked=self.voice_locked)
        _validate(merged)
        was_text_only, self._body = self.is_text_only, merged
        settings = self._without_the_graphs_own(self.settings(), changes)
        if self.is_text_only or was_text_only:
            # Never said otherwise: a graph without a voice keeps to writing.
            settings["output"] = "text" if self.is_text_only else "speech"
        return settings

    def _without_the_graphs_own(self, settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        """What a graph has set for itself stays, until the client names it: its prompt, its voice, its pace."""
        output = (changes.get("audio") or {}).get("output") or {}
        unnamed = {
            "instructions": "instructions" not in changes,
            "voice": "voice" not in output or not settings["voice"],
            "rate": "speed" not in output,
        }
        return {name: value for name, value in settings.items() if not unnamed.get(name)}

    def settings(self) -> dict[str, Any]:
        """As `client_event{settings}` of docs/messages.md."""
        audio = self._body["audio"]
        detection = audio["input"]["turn_detection"]
        settings: dict[str, Any] = {
            "voice": "" if audio["output"]["voice"] in OPENAI_VOICES else audio["output"]["voice"],
            "rate": max(_SLOWEST_RATE, audio["output"]["speed"]),
            "mode": "manual" if detection is None else "auto",
            "instructions": self._body["instructions"],
        }
        if detection is not None:
            settings["patience"] = _patience(detection)
            settings["interruption"] = "normal" if detection["interrupt_response"] else "off"
            settings["auto_response"] = detection["create_response"]
        language = _language(audio["input"]["transcription"])
        if language:
            settings["lang"] = language
        return settings


def _merge_audio(audio: dict[str, Any], changes: Any, *, voice_locked: bool) -> None:
    if not isinstance(changes, dict):
        raise RealtimeError("invalid_value", "session.audio is an object.", param="session.audio")
    incoming, outgoing = _part(changes, "input"), _part(changes, "output")
    for key in ("noise_reduction", "transcription"):
        if key in incoming:
            audio["input"][key] = incoming[key]
    if "format" in incoming:
        audio["input"]["format"] = AudioFormat.parse(incoming["format"], "session.audio.input.format").body()
    if "turn_detection" in incoming:
        audio["input"]["turn_detection"] = _turn_detection(audio["input"]["turn_detection"], incoming["turn_detection"])
    if "format" in outgoing:
        audio["output"]["format"] = AudioFormat.parse(outgoing["format"], "session.audio.output.format").body()
    if "speed" in outgoing:
        audio["output"]["speed"] = outgoing["speed"]
    if "voice" in outgoing:
        voice = outgoing["voice"]
        voice = voice.get("id") if isinstance(voice, dict) else voice
        if voice_locked and voice != audio["output"]["voice"]:
            raise RealtimeError(
                "cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present."
            )
        audio["output"]["voice"] = voice


def _part(changes: dict[str, Any], name: str) -> dict[str, Any]:
    part = changes.get(name) or {}
    if not isinstance(part, dict):
        raise RealtimeError("invalid_value", f"session.audio.{name} is an object.", param=f"session.audio.{name}")
    return part


def _turn_detection(current: dict[str, Any] | None, change: Any) -> dict[str, Any] | None:
    if change is None:
        return None
    defaults = {"server_vad": _SERVER_VAD, "semantic_vad": _SEMANTIC_VAD}
    kind = change.get("type", (current or _SERVER_VAD)["type"]) if isinstance(change, dict) else None
    if not isinstance(kind, str) or kind not in defaults:
        raise RealtimeError(
            "invalid_value",
            "turn_detection is null, server_vad or semantic_vad.",
            param="session.audio.input.turn_detection",
        )
    base = current if current is not None and current["type"] == kind else defaults[kind]
    return {**base, **{key: value for key, value in change.items() if key in defaults[kind]}}


def _patience(detection: dict[str, Any]) -> float:
    if detection["type"] == "semantic_vad":
        return _EAGERNESS_PATIENCE.get(detection["eagerness"], 0.5)
    share = (float(detection["silence_duration_ms"]) - _QUICK_SILENCE_MS) / (_PATIENT_SILENCE_MS - _QUICK_SILENCE_MS)
    return round(min(1.0, max(0.0, share)), 3)


def _language(transcription: Any) -> Any:
    return (transcription.get("language") or "") if isinstance(transcription, dict) else ""


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and _is_number(value, low, high)


def _validate(body: dict[str, Any]) -> None:
    audio, tools = body["audio"], body["tools"]
    detection, transcription = audio["input"]["turn_detection"] or {}, audio["input"]["transcription"]
    eagerness, most = detection.get("eagerness", "auto"), body["max_output_tokens"]
    vad = "audio.input.turn_detection"
    checks = (
        (body["output_modalities"] in (["audio"], ["text"]), "output_modalities", "is ['audio'] or ['text']"),
        (isinstance(body["instructions"], str) and len(body["instructions"]) <= MAX_INSTRUCTIONS_CHARS, "instructions", "is a text"),
        (isinstance(tools, list) and len(tools) <= MAX_TOOLS and all(map(is_function, tools)), "tools", "are functions with a name"),
        (isinstance(body["tool_choice"], (str, dict)), "tool_choice", "is auto, none, required or a function"),
        (most == "inf" or _is_whole(most, 1, 4096), "max_output_tokens", "is 1 to 4096, or 'inf'"),
        (_is_number(audio["output"]["speed"], 0.25, 1.5), "audio.output.speed", "is 0.25 to 1.5"),
        (isinstance(audio["output"]["voice"], str), "audio.output.voice", "is a name"),
        (_is_number(detection.get("threshold", 0.5), 0, 1), f"{vad}.threshold", "is 0 to 1"),
        (_is_whole(detection.get("prefix_padding_ms", 300), 0, 60_000), f"{vad}.prefix_padding_ms", "is in ms"),
        (_is_number(detection.get("silence_duration_ms", 500), 0, 60_000), f"{vad}.silence_duration_ms", "is in ms"),
        (isinstance(eagerness, str) and eagerness in _EAGERNESS_PATIENCE, f"{vad}.eagerness", "is low, medium, high or auto"),
        (isinstance(detection.get("create_response", True), bool), f"{vad}.create_response", "is a boolean"),
        (isinstance(detection.get("interrupt_response", True), bool), f"{vad}.interrupt_response", "is a boolean"),
        (isinstance(transcription, (dict, type(None))), "audio.input.transcription", "is an object or null"),
        (isinstance(_language(transcription), str), "audio.input.transcription.language", "is a language"),
    )  # fmt: skip
    for holds, name, rule in checks:
        if not holds:
            raise RealtimeError("invalid_value", f"'session.{name}' {rule}.", param=f"session.{name}")
