"""A voice or an ear for one request: started, used, stopped. Engines are shared with the conversations, so a start is cheap."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from stream_talk.ten import names

from .graph_host import RunningGraph, StageHost

STT_RATE_HZ = 16_000
_FRAME_BYTES = STT_RATE_HZ // 10 * 2
_QUIET_TIMEOUT_S = 60.0
_NO_LIMIT_MS = 1_000_000_000  # whole: these are properties, and TEN takes no fraction where a manifest says int64


class StageFailed(RuntimeError):
    """The engine could not do it; the text says why."""


@dataclass(frozen=True, slots=True)
class Sound:
    pcm: bytes
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class Said:
    name: str
    payload: Mapping[str, Any]


class _Inbox:
    """`GraphEvents` that a coroutine reads one by one."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Sound | Said] = asyncio.Queue()

    def on_graph_audio(self, pcm: bytes, sample_rate_hz: int, metadata: Mapping[str, Any]) -> None:
        self._items.put_nowait(Sound(pcm, sample_rate_hz))

    def on_graph_data(self, name: str, payload: Mapping[str, Any]) -> None:
        self._items.put_nowait(Said(name, payload))

    def on_graph_cmd(self, name: str, payload: Mapping[str, Any]) -> None:
        """A stage alone sends no commands that anybody here answers."""

    async def next(self) -> Sound | Said:
        try:
            item = await asyncio.wait_for(self._items.get(), _QUIET_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise StageFailed("the engine does not answer") from None
        if isinstance(item, Said) and item.name == names.ERROR:
            raise StageFailed(str(item.payload.get("message", "the engine failed")))
        return item


async def speak(
    host: StageHost, graph: str, text: str, *, options: Mapping[str, Any] | None = None
) -> AsyncIterator[Sound | Said]:
    """The sound of `text` as it is made, and its visemes. Closing the iterator stops the synthesis."""
    inbox = _Inbox()
    stage = await host.start_stage(graph, "tts", inbox, {"max_lead_ms": _NO_LIMIT_MS})
    request_id = secrets.token_hex(8)
    try:
        body = {"request_id": request_id, "text": text, "text_input_end": True, "metadata": {"session_id": request_id}}
        await stage.send_data(names.TTS_TEXT_INPUT, {**body, **(options or {})})
        while True:
            item = await inbox.next()
            if isinstance(item, Said) and item.name == names.TTS_AUDIO_END:
                if item.payload.get("reason") == names.REASON_ERROR:
                    raise StageFailed("the voice could not speak this text")
                return
            yield item
    finally:
        await stage.stop()


async def transcribe(
    host: StageHost, graph: str, pcm: bytes, *, language: str = ""
) -> AsyncIterator[Mapping[str, Any]]:
    """`asr_result`s of a recording (16 kHz mono s16le), partial and final, as they come."""
    inbox = _Inbox()
    properties = {"params": {"language": language}} if language else {}
    stage = await host.start_stage(graph, "stt", inbox, {**properties, "load_buffer_ms": _NO_LIMIT_MS})
    feeding = asyncio.get_running_loop().create_task(_feed(stage, pcm))
    try:
        while True:
            item = await inbox.next()
            if isinstance(item, Said) and item.name == names.ASR_RESULT:
                yield item.payload
            elif isinstance(item, Said) and item.name == names.ASR_FINALIZE_END:
                return
    finally:
        feeding.cancel()
        await stage.stop()


async def _feed(stage: RunningGraph, pcm: bytes) -> None:
    for start in range(0, len(pcm), _FRAME_BYTES):
        await stage.send_audio(pcm[start : start + _FRAME_BYTES], start * 1000 // (2 * STT_RATE_HZ))
        await asyncio.sleep(0)
    await stage.send_data(names.ASR_FINALIZE, {"finalize_id": "end", "metadata": {}})


async def voices(host: StageHost, graph: str) -> list[Mapping[str, Any]]:
    """`{name, language, description}` of each voice that the graph's node can speak with."""
    inbox = _Inbox()
    stage = await host.start_stage(graph, "tts", inbox, {})
    try:
        await stage.send_data(names.LIST_VOICES, {})
        while True:
            item = await inbox.next()
            if isinstance(item, Said) and item.name == names.VOICES:
                return list(item.payload.get("voices") or [])
    finally:
        await stage.stop()
