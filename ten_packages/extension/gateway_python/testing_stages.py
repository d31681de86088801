"""A voice and an ear without engines, for testing what uses single stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_talk.ten import names

from .graph_host import GraphEvents

VOICE_RATE_HZ = 24_000
MS_PER_CHARACTER = 20
VOICES = [{"name": "one", "language": "en-US", "description": "The first"}]


class LoopbackStage:
    """Speaks `MS_PER_CHARACTER` of a constant per character; hears how many milliseconds it was given. Text `fail` fails."""

    def __init__(self, name: str, role: str, events: GraphEvents, properties: Mapping[str, Any]) -> None:
        self.name = name
        self.role = role
        self.properties = properties
        self.stopped = False
        self._events = events
        self._heard_bytes = 0

    async def send_audio(self, pcm: bytes, timestamp_ms: int) -> None:
        self._heard_bytes += len(pcm)
        if self._heard_bytes % 32_000 == 0:
            self._events.on_graph_data(names.ASR_RESULT, self._result(final=False))

    async def send_data(self, name: str, payload: Mapping[str, Any]) -> None:
        tell = self._events.on_graph_data
        if name == names.TTS_TEXT_INPUT and payload["text"] == "fail":
            tell(names.ERROR, {"message": "the voice is broken", "code": names.CODE_FATAL})
        elif name == names.TTS_TEXT_INPUT:
            samples = len(payload["text"]) * MS_PER_CHARACTER * VOICE_RATE_HZ // 1000
            self._events.on_graph_audio(b"\x10\x10" * samples, VOICE_RATE_HZ, {})
            tell(names.TTS_AUDIO_END, {"reason": names.REASON_REQUEST_END})
        elif name == names.ASR_FINALIZE:
            tell(names.ASR_RESULT, self._result(final=True))
            tell(names.ASR_FINALIZE_END, {})
        elif name == names.LIST_VOICES:
            tell(names.VOICES, {"voices": VOICES})

    def _result(self, *, final: bool) -> dict[str, Any]:
        heard_ms = self._heard_bytes // 32
        words = [{"word": "heard", "start_ms": 0, "duration_ms": heard_ms, "stable": True}]
        text = f"heard {heard_ms}" if heard_ms else ""
        return {
            "text": text,
            "final": final,
            "start_ms": 0,
            "duration_ms": heard_ms,
            "language": "en-US",
            "words": words,
        }

    def statistics(self) -> dict[str, Any]:
        return {"name": self.name, "nodes": [], "edges": []}

    async def stop(self) -> None:
        self.stopped = True
