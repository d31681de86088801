"""The beta dialect: older clients use other names and a flat session object. Everything inside speaks GA; this module translates."""

from __future__ import annotations

from typing import Any

_FORMATS = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMAT_NAMES = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_EVENT_NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
_PART_NAMES = {"output_text": "text", "output_audio": "audio"}


def session_from_beta(flat: dict[str, Any]) -> dict[str, Any]:
    """A beta `session.update` body as GA."""
    nested: dict[str, Any] = {k: flat[k] for k in ("instructions", "tools", "tool_choice", "model") if k in flat}
    if "modalities" in flat:
        nested["output_modalities"] = ["audio"] if "audio" in (flat["modalities"] or []) else ["text"]
    if "max_response_output_tokens" in flat:
        nested["max_output_tokens"] = flat["max_response_output_tokens"]
    audio_in: dict[str, Any] = {}
    audio_out: dict[str, Any] = {k: flat[k] for k in ("voice", "speed") if k in flat}
    if "input_audio_format" in flat:
        audio_in["format"] = _FORMATS.get(flat["input_audio_format"], {"type": flat["input_audio_format"]})
    if "output_audio_format" in flat:
        audio_out["format"] = _FORMATS.get(flat["output_audio_format"], {"type": flat["output_audio_format"]})
    for old, new in (("input_audio_transcription", "transcription"), ("turn_detection", "turn_detection"),
                     ("input_audio_noise_reduction", "noise_reduction")):  # fmt: skip
        if old in flat:
            audio_in[new] = flat[old]
    if audio_in or audio_out:
        nested["audio"] = {k: v for k, v in (("input", audio_in), ("output", audio_out)) if v}
    return nested


def session_to_beta(session: dict[str, Any]) -> dict[str, Any]:
    audio_in, audio_out = session["audio"]["input"], session["audio"]["output"]
    return {
        "id": session["id"],
        "object": "realtime.session",
        "model": session["model"],
        "modalities": ["text", "audio"] if session["output_modalities"] == ["audio"] else ["text"],
        "instructions": session["instructions"],
        "voice": audio_out["voice"],
        "speed": audio_out["speed"],
        "input_audio_format": _FORMAT_NAMES[audio_in["format"]["type"]],
        "output_audio_format": _FORMAT_NAMES[audio_out["format"]["type"]],
        "input_audio_transcription": audio_in["transcription"],
        "input_audio_noise_reduction": audio_in["noise_reduction"],
        "turn_detection": audio_in["turn_detection"],
        "tools": session["tools"],
        "tool_choice": session["tool_choice"],
        "temperature": 0.8,
        "max_response_output_tokens": session["max_output_tokens"],
        "expires_at": session["expires_at"],
    }


def item_to_beta(item: dict[str, Any]) -> dict[str, Any]:
    if "content" not in item:
        return item
    return {
        **item,
        "content": [{**part, "type": _PART_NAMES.get(part["type"], part["type"])} for part in item["content"]],
    }


def response_to_beta(response: dict[str, Any]) -> dict[str, Any]:
    output = response["audio"]["output"]
    kept = {k: v for k, v in response.items() if k not in ("audio", "output_modalities", "max_output_tokens")}
    return {
        **kept,
        "output": [item_to_beta(item) for item in response["output"]],
        "modalities": ["text", "audio"] if response["output_modalities"] == ["audio"] else ["text"],
        "voice": output["voice"],
        "output_audio_format": _FORMAT_NAMES[output["format"]["type"]],
        "max_output_tokens": response["max_output_tokens"],
    }


def event_to_beta(event: dict[str, Any]) -> dict[str, Any] | None:
    """None: this event does not exist in the beta dialect."""
    if event["type"] == "conversation.item.done":
        return None
    translated = {**event, "type": _EVENT_NAMES.get(event["type"], event["type"])}
    if "session" in event:
        translated["session"] = session_to_beta(event["session"])
    if "item" in event:
        translated["item"] = item_to_beta(event["item"])
    if "response" in event:
        translated["response"] = response_to_beta(event["response"])
    return translated
