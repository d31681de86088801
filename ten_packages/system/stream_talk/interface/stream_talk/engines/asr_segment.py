"""One utterance on its way through a shared ASR engine.

Audio is fed while it arrives, one call at a time, in stretches of at least `feed_ms` where the engine runs elsewhere. The segment
keeps its audio until it is final: when the engine dies, fails or is late, the same audio goes to a restarted or to the next engine
of the chain, and nothing that was said is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stream_talk.audio.pcm import samples_in
from stream_talk.audio.resample import StreamResampler
from stream_talk.engines.fallback import GRACE_MS, EngineLate, FallbackChain, Link
from stream_talk.engines.host import Deadline, EngineHost, EngineStream
from stream_talk.engines.interfaces import Pcm16, Transcript

_FEED_MS = 60.0

AsrChain = FallbackChain[EngineHost]


class AsrSegment:
    def __init__(
        self,
        chain: AsrChain,
        segment_id: str,
        sample_rate_hz: int,
        options: Mapping[str, Any],
        on_partial: Callable[[Transcript], None],
    ) -> None:
        self.segment_id = segment_id
        self._chain = chain
        self._sample_rate_hz = sample_rate_hz
        self._options = dict(options)
        self._on_partial = on_partial
        self._audio: list[Pcm16] = []
        self._fed_chunks = 0
        self._unfed_samples = 0
        self._feeding: asyncio.Task[None] | None = None
        self._tried: set[str] = set()
        self._attempt = 0
        self._restarted = False
        self._finishing: EngineStream | None = None
        self._failure: Exception | None = None
        self._closed = False
        self._link: Link[EngineHost] | None = chain.best()
        self._engine_id = segment_id
        self._resampler = StreamResampler(sample_rate_hz, sample_rate_hz)
        self._open()

    # --- feeding --------------------------------------------------------------------------------------------------

    def push(self, pcm: Pcm16) -> None:
        """More audio of this utterance, at the segment's sample rate."""
        self._audio.append(pcm)
        self._unfed_samples += len(pcm)
        if self._link is None or self._failure is not None:
            return
        if self._link.engine.direct is not None:
            self._feed_direct(self._link.engine.direct)
            if self._failure is not None:
                self._recover(self._failure)
        elif self._feeding is None and self._unfed_samples >= samples_in(_FEED_MS, self._sample_rate_hz):
            self._feeding = asyncio.get_running_loop().create_task(self._feed())

    def _open(self) -> None:
        if self._link is None:
            self._failure = RuntimeError("no speech recognition engine is loaded")
            return
        self._failure = None
        self._attempt += 1
        self._engine_id = self.segment_id if self._attempt == 1 else f"{self.segment_id}-{self._attempt}"
        engine_rate_hz = self._link.engine.info.get("sample_rate_hz", self._sample_rate_hz)
        self._resampler = StreamResampler(self._sample_rate_hz, engine_rate_hz)
        self._fed_chunks = 0
        self._unfed_samples = sum(len(pcm) for pcm in self._audio)
        if self._link.engine.direct is not None:
            self._guard(lambda engine: engine.open_segment(self._engine_id, self._options))
        else:
            self._link.engine.begin("open_segment", self._engine_id, self._options, lane=self._engine_id)

    def _feed_direct(self, engine: Any) -> None:
        pcm = self._take_unfed()
        if len(pcm):
            self._guard(lambda _: self._hand_on(engine.feed(self._engine_id, pcm)))

    def _guard(self, call: Callable[[Any], Any]) -> None:
        """Run an inline engine call; its failure is the segment's, not the caller's."""
        assert self._link is not None
        try:
            call(self._link.engine.direct)
        except Exception as error:
            self._failure = error

    async def _feed(self) -> None:
        attempt = self._attempt
        try:
            while self._unfed_samples >= samples_in(_FEED_MS, self._sample_rate_hz) and not self._closed:
                await self._feed_once(Deadline.PARTIAL)
        except Exception as error:
            if attempt == self._attempt:  # otherwise another attempt has begun meanwhile and this failure is history
                self._failure = error
                if not self._closed:
                    self._recover(error)
        finally:
            self._feeding = None

    async def _feed_once(self, deadline: Deadline) -> None:
        assert self._link is not None
        pcm = self._take_unfed()
        if len(pcm):
            host = self._link.engine
            self._hand_on(await host.call("feed", self._engine_id, pcm, deadline=deadline, lane=self._engine_id))

    def _take_unfed(self) -> Pcm16:
        chunks = self._audio[self._fed_chunks :]
        self._fed_chunks = len(self._audio)
        self._unfed_samples = 0
        pcm = chunks[0] if len(chunks) == 1 else np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
        return self._resampler.process(pcm)

    def _hand_on(self, transcripts: Any) -> None:
        for transcript in transcripts:
            if not self._closed:
                self._on_partial(transcript)

    # --- finishing ------------------------------------------------------------------------------------------------

    async def finish(self, timeout_ms: float) -> Transcript:
        """The final transcript. Raises what the last engine of the chain raised when none could deliver."""
        self._closed = True
        while True:
            link = self._link
            try:
                if self._failure is not None:
                    raise self._failure
                assert link is not None
                successor_waits = self._chain_has_other(link)
                return await self._final(link, link.late_ms if successor_waits else timeout_ms)
            except Exception as error:
                self._recover(error)
                if self._link is None:
                    raise

    async def _final(self, link: Link[EngineHost], limit_ms: float) -> Transcript:
        if link.engine.direct is not None:
            self._feed_direct(link.engine.direct)
            if self._failure is not None:
                raise self._failure
        else:
            rest = self._take_unfed()
            if len(rest):
                # Not awaited: the lane keeps it before `finish`, and the finish lifts everything still queued in the lane.
                link.engine.begin("feed", self._engine_id, rest, deadline=Deadline.FIRST_CHUNK, lane=self._engine_id)
        stream = link.engine.stream("finish", self._engine_id, deadline=Deadline.FIRST_CHUNK, lane=self._engine_id)
        self._finishing = stream
        transcript = await self._await_final(stream, limit_ms)
        link.served += 1
        return transcript

    async def _await_final(self, stream: EngineStream, limit_ms: float) -> Transcript:
        timer = asyncio.get_running_loop().call_later(limit_ms / 1000.0, stream.cancel)
        try:
            async for transcript in stream:
                if transcript.final:
                    return transcript  # type: ignore[no-any-return]
                self._on_partial(transcript)
        finally:
            timer.cancel()
        raise EngineLate(f"no final transcript within {limit_ms:.0f} ms")

    def drop(self) -> None:
        """Nobody wants this utterance any more."""
        self._closed = True
        if self._link is None or self._failure is not None:
            return
        if self._link.engine.direct is not None:
            self._guard(lambda engine: engine.drop(self._engine_id))
        else:
            self._link.engine.begin("drop", self._engine_id, lane=self._engine_id)

    # --- recovery -------------------------------------------------------------------------------------------------

    def _chain_has_other(self, link: Link[EngineHost]) -> bool:
        return len(self._chain.links) > 1 and self._chain.best(self._tried | {link.name}) is not None

    def _stop_late(self, link: Link[EngineHost]) -> None:
        if self._link is not None and self._finishing is not None:
            self._finishing.give_up(GRACE_MS)
        else:
            link.engine.restart()  # nobody else can hear, so it must begin anew now

    def _recover(self, error: Exception) -> None:
        """Move to the next engine; where there is no other, try the same one once more, freshly started."""
        link = self._link
        if link is None:
            return
        self._link = self._chain.failed(link, error, self._tried)
        if isinstance(error, EngineLate):
            self._stop_late(link)
        if self._link is None and not self._restarted:
            self._restarted = True
            self._link = link
        if self._link is not None:
            self._open()
            if not self._closed and self._link.engine.direct is not None:
                self._feed_direct(self._link.engine.direct)
