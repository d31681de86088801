"""Transcripts in the shapes that clients of `/v1/audio/transcriptions` ask for. Pure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
FORMATS = ("json", "text", "srt", "verbose_json", "vtt")


def _clock(ms: float, comma: str) -> str:
    seconds, millis = divmod(round(ms), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{comma}{millis:03d}"


def _span(result: Result, comma: str) -> str:
    start_ms, length_ms = float(result["start_ms"]), float(result["duration_ms"])
    return f"{_clock(start_ms, comma)} --> {_clock(start_ms + length_ms, comma)}"


def whole_text(finals: Sequence[Result]) -> str:
    return " ".join(str(final["text"]).strip() for final in finals if str(final["text"]).strip())


def render(finals: Sequence[Result], kind: str, *, duration_s: float) -> str | dict[str, Any]:
    text = whole_text(finals)
    spoken = [final for final in finals if str(final["text"]).strip()]
    if kind == "text":
        return text + "\n"
    if kind == "srt":
        return "".join(f"{n}\n{_span(final, ',')}\n{final['text']}\n\n" for n, final in enumerate(spoken, 1))
    if kind == "vtt":
        return "WEBVTT\n\n" + "".join(f"{_span(final, '.')}\n{final['text']}\n\n" for final in spoken)
    usage = {"type": "duration", "seconds": round(duration_s, 2)}
    if kind == "json":
        return {"text": text, "usage": usage}
    words = [
        {"word": w["word"], "start": w["start_ms"] / 1000, "end": (w["start_ms"] + w["duration_ms"]) / 1000}
        for final in spoken
        for w in final.get("words") or []
    ]
    language = str(spoken[0].get("language", "")) if spoken else ""
    segments = [_segment(n, final) for n, final in enumerate(spoken)]
    return {"task": "transcribe", "language": language, "duration": duration_s, "text": text, "segments": segments,
            "words": words, "usage": usage}  # fmt: skip


def _segment(number: int, final: Result) -> dict[str, Any]:
    start_s = float(final["start_ms"]) / 1000
    return {
        "id": number, "seek": 0, "start": start_s, "end": start_s + float(final["duration_ms"]) / 1000, "text": final["text"],
        "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0,
    }  # fmt: skip


async def as_events(results: AsyncIterator[Result]) -> AsyncIterator[str]:
    """Server-sent events: what is stable is sent as it becomes so, because deltas can only be appended."""
    finals: list[Result] = []
    told = ""
    async for result in results:
        if result.get("final"):
            finals.append(result)
            stable = whole_text(finals)
        else:
            words = [w["word"] for w in result.get("words") or [] if w.get("stable")]
            stable = whole_text([*finals, {"text": " ".join(words)}])
        if stable.startswith(told) and len(stable) > len(told):
            yield _event({"type": "transcript.text.delta", "delta": stable[len(told) :]})
            told = stable
    usage = {"type": "tokens", "input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield _event({"type": "transcript.text.done", "text": whole_text(finals), "usage": usage})


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
