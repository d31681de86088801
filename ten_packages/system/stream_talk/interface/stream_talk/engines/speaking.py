"""Speaks one clause with a chain of engines.

Yields chunks as they come. When an engine fails, dies or is late, the next one (or the same one, restarted) says what is left of the
clause, so that the person hears a short gap and no word twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from stream_talk.engines.fallback import GRACE_MS, EngineLate, FallbackChain, Link
from stream_talk.engines.host import Deadline, EngineCrashed, EngineHost, EngineStream
from stream_talk.engines.interfaces import SpeechChunk, SpeechRequest
from stream_talk.text.units import estimate_speech_ms, split_words

SpeechChain = FallbackChain[EngineHost]


class ClauseSpeech:
    """One clause being spoken. Creating it puts the work into the engine's queue; iterating it takes the sound.

    `lead_ms` tells how long what was handed out so far still sounds: an engine with a successor is late when that has run out.
    """

    def __init__(
        self, chain: SpeechChain, request: SpeechRequest, chunk_timeout_ms: float, lead_ms: Callable[[], float]
    ) -> None:
        self.request = request
        self._chain = chain
        self._chunk_timeout_ms = chunk_timeout_ms
        self._cancelled = False
        self._tried: set[str] = set()
        self._restarted = False
        self._words_given = 0
        self._sent_ms = 0.0
        self._lead_ms = lead_ms
        self.link: Link[EngineHost] | None = chain.best()
        self._stream: EngineStream | None = self._open(request) if self.link is not None else None

    def cancel(self) -> None:
        """No chunk comes out after this; the engine stops at its next step."""
        self._cancelled = True
        if self._stream is not None:
            self._stream.cancel()

    async def chunks(self) -> AsyncIterator[tuple[SpeechChunk, int]]:
        """(chunk, its sample rate). Word times count from the first sample of the clause."""
        while not self._cancelled:
            link = self.link
            try:
                if link is None or self._stream is None:
                    raise EngineCrashed("no voice is loaded")
                async for chunk in self._watched(self._stream, link):
                    yield chunk, link.engine.info["sample_rate_hz"]
                if not self._cancelled:
                    link.served += 1
                return
            except Exception as error:
                if not self._move_on(error):
                    raise

    def _open(self, request: SpeechRequest) -> EngineStream:
        assert self.link is not None
        deadline = Deadline.FIRST_CHUNK if request.first_of_reply else Deadline.NEXT_CHUNK
        if request.options.get("speculative"):
            deadline = Deadline.SPECULATION
        return self.link.engine.stream("speak", request, deadline=deadline)

    async def _watched(self, stream: EngineStream, link: Link[EngineHost]) -> AsyncIterator[SpeechChunk]:
        loop = asyncio.get_running_loop()
        has_other = len(self._chain.links) > 1 and self._chain.best(self._tried | {link.name}) is not None
        limit_ms = self._lead_ms() + link.late_ms if has_other else self._chunk_timeout_ms
        base_ms = self._sent_ms
        timer = loop.call_later(limit_ms / 1000.0, stream.cancel)
        late = True
        try:
            while True:
                try:
                    chunk: SpeechChunk = await stream.__anext__()
                except StopAsyncIteration:
                    late = timer.when() <= loop.time()
                    break
                timer.cancel()
                self._shift(chunk, base_ms)
                self._words_given += len(chunk.words)
                self._sent_ms += len(chunk.pcm) * 1000.0 / link.engine.info["sample_rate_hz"]
                yield chunk
                if has_other:
                    limit_ms = min(self._chunk_timeout_ms, self._lead_ms() + link.late_ms)
                timer = loop.call_later(limit_ms / 1000.0, stream.cancel)
        finally:
            timer.cancel()
        if late and not self._cancelled:
            raise EngineLate(f"silent for more than {limit_ms:.0f} ms")

    @staticmethod
    def _shift(chunk: SpeechChunk, base_ms: float) -> None:
        """Times of a second engine continue where the first one stopped."""
        if not base_ms:
            return
        for word in chunk.words:
            word.start_ms += round(base_ms)
        for viseme in chunk.visemes:
            viseme.start_ms += round(base_ms)

    def _move_on(self, error: Exception) -> bool:
        link = self.link
        if link is None or self._cancelled:
            return False
        self.link = self._chain.failed(link, error, self._tried)
        if isinstance(error, EngineLate):
            self._stop_late(link)
        if self.link is None:
            if self._restarted or not isinstance(error, (EngineLate, EngineCrashed)):
                return False
            self._restarted = True
            self.link = link
        rest = self._unspoken()
        if not rest:
            return False
        request = self.request
        again = SpeechRequest(
            rest, request.options, not self._sent_ms and request.first_of_reply, request.last_of_reply
        )
        self._stream = self._open(again)
        return True

    def _stop_late(self, link: Link[EngineHost]) -> None:
        if self.link is not None and self._stream is not None:
            self._stream.give_up(GRACE_MS)
        else:
            link.engine.restart()  # nobody else can speak, so it must begin anew now

    def _unspoken(self) -> str:
        """The part of the clause that no sound was handed out for."""
        words = split_words(self.request.text)
        if not self._sent_ms:
            return self.request.text
        if self._words_given:
            return " ".join(words[self._words_given :])
        share = self._sent_ms / max(1.0, estimate_speech_ms(self.request.text))
        return " ".join(words[min(len(words), int(share * len(words))) :])


def request_options(options: dict[str, Any], *, speculative: bool) -> dict[str, Any]:
    """Options of one clause; `speculative` work waits for all other."""
    return {**options, "speculative": True} if speculative else dict(options)
