"""A recording of a request becomes words: partial ones as they come, then the whole."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from stream_talk import clock
from stream_talk.wire import dialog
from stream_talk.wire.dialog import AudioRequest, Refusal

from .. import audio_files, stages, transcripts
from ..admission import AtCapacity
from ..audio_files import BadAudio
from ..gateway import Gateway
from ..graph_host import GraphFailed
from ..stages import StageFailed
from .desk import Stats

logger = logging.getLogger("stream_talk.gateway")


class Hearing:
    """The recognition of one recording: partials as they come, then the whole. Raises `Refusal`."""

    def __init__(self, gateway: Gateway, asked: AudioRequest) -> None:
        self.partials: list[str] = []
        self._gateway = gateway
        self._asked = asked
        self._results: AsyncIterator[Mapping[str, Any]] | None = None
        self._finals: list[Mapping[str, Any]] = []
        self._started_ms = clock.now_ms()
        self._ended_ms = self._started_ms
        self._seconds = 0.0

    @property
    def transcript(self) -> str:
        return transcripts.whole_text(self._finals)

    async def first(self) -> Mapping[str, Any]:
        """The first result that says something."""
        while True:
            result = await self.next_or_end()
            if result is None:
                raise Refusal(502, "empty transcript")
            if str(result.get("text", "")).strip():
                return result

    async def next_or_end(self) -> Mapping[str, Any] | None:
        try:
            self._results = self._results or await self._begin()
            result = await anext(self._results, None)
        except (StageFailed, GraphFailed) as failure:
            logger.warning("a recording could not be recognised: %s", failure)
            raise Refusal(502, "asr_failed") from None
        except AtCapacity as full:
            raise Refusal(503, str(full)) from None
        self._ended_ms = clock.now_ms()
        if result is None:
            if not self.transcript:
                raise Refusal(502, "empty transcript")
        elif result.get("final"):
            self._finals.append(result)
        else:
            self.partials.append(str(result.get("text", "")))
        return result

    async def _begin(self) -> AsyncIterator[Mapping[str, Any]]:
        try:
            pcm = await audio_files.decode(self._asked.audio, max_seconds=dialog.MAX_AUDIO_SECONDS)
        except BadAudio as bad:
            too_long = "longer" in str(bad)
            raise Refusal(
                413 if too_long else 400, "audio payload too large" if too_long else "unsupported audio"
            ) from None
        self._seconds = len(pcm) / 2 / audio_files.TARGET_RATE_HZ
        graph = self._gateway.config.default_graph
        return stages.transcribe(self._gateway.stages, graph, pcm, language=self._asked.language)

    async def finish(self) -> None:
        while await self.next_or_end() is not None:
            pass

    async def aclose(self) -> None:
        """Stop the recogniser, should it still be at work."""
        if isinstance(self._results, AsyncGenerator):
            await self._results.aclose()

    def stats(self, chat: Stats) -> dict[str, Any]:
        now_ms = clock.now_ms()
        latency_ms = round(self._ended_ms - self._started_ms, 1)
        asr = {"provider": "stream-talk", "latency_ms": latency_ms, "duration_seconds": round(self._seconds, 2)}
        chat_body = {**chat.body(), "latency_ms": round(now_ms - chat.asked_ms, 1)}
        return {"asr": asr, "chat": chat_body, "total_latency_ms": round(now_ms - self._started_ms, 1)}
