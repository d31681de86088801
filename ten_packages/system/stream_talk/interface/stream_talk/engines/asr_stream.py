"""One person's audio as a row of utterances.

A segment begins with sound (or where a VAD says that speech began) and ends when it is finalized, after `end_silence_ms` of silence in
*audio time*, or at `max_segment_ms`. Long silence never reaches the engine. Finals come out in the order of their segments.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from stream_talk.audio.activity import ActivityGate
from stream_talk.audio.timeline import MediaTimeline
from stream_talk.engines.asr_segment import AsrChain, AsrSegment
from stream_talk.engines.interfaces import Pcm16, Transcript, Word
from stream_talk.text.stable import StablePrefix


@dataclass(frozen=True)
class SegmentRules:
    sample_rate_hz: int = 16000
    end_silence_ms: float = 1000.0
    max_segment_ms: float = 30_000.0
    pre_roll_ms: float = 300.0
    held_ms: float = 800.0  # recent audio kept while nothing is open, for a VAD that reports a beginning late
    final_timeout_ms: float = 15_000.0


@dataclass(slots=True)
class SegmentResult:
    """A transcript in media time."""

    segment_id: str
    text: str
    final: bool
    start_ms: int
    duration_ms: int
    language: str
    words: list[Word] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    tag: Any = None  # what the caller attached to the segment (its metadata)


@dataclass
class _Open:
    segment: AsrSegment
    timeline: MediaTimeline
    tag: Any
    stable: StablePrefix = field(default_factory=StablePrefix)
    heard_text: bool = False


Emit = Callable[[SegmentResult], None]
Spawn = Callable[[Coroutine[Any, Any, Any]], Any]


class AsrStream:
    def __init__(
        self,
        chain: AsrChain,
        rules: SegmentRules,
        options: dict[str, Any],
        emit: Emit,
        spawn: Spawn,
        on_failure: Callable[[str, Any], None],
    ) -> None:
        self._chain = chain
        self._rules = rules
        self._options = options
        self._emit = emit
        self._spawn = spawn
        self._on_failure = on_failure
        self._gate = ActivityGate(rules.sample_rate_hz)
        self._open: _Open | None = None
        self._held: deque[tuple[Pcm16, float]] = deque()
        self._held_ms = 0.0
        self._in_order = asyncio.Lock()
        self._told_by_vad = False

    @property
    def busy(self) -> bool:
        return self._open is not None

    def push(self, pcm: Pcm16, media_ms: float, tag: Any) -> None:
        """More audio. `tag` goes with the segment that this audio opens."""
        if not len(pcm):
            return
        sounds = not self._told_by_vad and self._gate.step(pcm)
        if self._open is None:
            self._hold(pcm, media_ms)
            if sounds:
                self._begin(tag, self._rules.pre_roll_ms)
            return
        self._feed(self._open, pcm, media_ms)
        if not self._told_by_vad and self._gate.silence_ms >= self._rules.end_silence_ms:
            self._end_by_itself()
        elif self._open.timeline.duration_ms >= self._rules.max_segment_ms:
            self._end_by_itself()
            # A monologue goes on without a break: the next segment does not wait for clear sound again.
            self._gate.active = True

    def speech_started(self, media_ms: float, tag: Any) -> None:
        """A VAD says that speech began at `media_ms`. From now on it, not the level of the sound, opens segments."""
        self._told_by_vad = True
        if self._open is None:
            now_ms = self._held[-1][1] if self._held else media_ms
            self._begin(tag, max(0.0, now_ms - media_ms) + self._rules.pre_roll_ms)

    async def finalize(self, tag: Any = None) -> SegmentResult:
        """End the open segment now and emit its final. Without an open segment the final is empty."""
        closing = self._detach()
        if closing is not None and tag is not None:
            closing.tag = tag
        async with self._in_order:
            return await self._finish(closing, tag)

    def drop(self) -> None:
        """The session ends: nobody wants the open segment."""
        if self._open is not None:
            self._open.segment.drop()
            self._open = None

    def _detach(self) -> _Open | None:
        """The open segment takes no more audio; what comes now opens the next."""
        closing, self._open = self._open, None
        self._gate.rest()
        return closing

    def _end_by_itself(self) -> None:
        closing = self._detach()

        async def finish() -> None:
            async with self._in_order:
                await self._finish(closing, None)

        self._spawn(finish())

    # --- segments -------------------------------------------------------------------------------------------------

    def _begin(self, tag: Any, reach_back_ms: float) -> None:
        rate_hz = self._rules.sample_rate_hz
        opened = _Open(
            AsrSegment(self._chain, uuid.uuid4().hex, rate_hz, self._options, lambda t: self._partial(opened, t)),
            MediaTimeline(rate_hz),
            tag,
        )
        self._open = opened
        held, self._held = self._held, deque()
        self._held_ms = 0.0
        kept_ms = sum(len(pcm) for pcm, _ in held) * 1000.0 / rate_hz
        for pcm, media_ms in held:
            if kept_ms <= reach_back_ms + len(pcm) * 1000.0 / rate_hz:
                self._feed(opened, pcm, media_ms)
            kept_ms -= len(pcm) * 1000.0 / rate_hz

    def _feed(self, opened: _Open, pcm: Pcm16, media_ms: float) -> None:
        opened.timeline.add(len(pcm), media_ms)
        opened.segment.push(pcm)

    def _hold(self, pcm: Pcm16, media_ms: float) -> None:
        self._held.append((pcm, media_ms))
        self._held_ms += len(pcm) * 1000.0 / self._rules.sample_rate_hz
        while self._held_ms > self._rules.held_ms and len(self._held) > 1:
            gone, _ = self._held.popleft()
            self._held_ms -= len(gone) * 1000.0 / self._rules.sample_rate_hz

    # --- results --------------------------------------------------------------------------------------------------

    def _partial(self, opened: _Open, transcript: Transcript) -> None:
        if not transcript.text:
            return
        opened.heard_text = True
        if not transcript.words:
            transcript.words = opened.stable.mark(transcript.text, round(opened.timeline.duration_ms))
        self._emit(self._in_media_time(opened, transcript, final=False))

    async def _finish(self, closing: _Open | None, tag: Any) -> SegmentResult:
        if closing is None:
            result = SegmentResult(uuid.uuid4().hex, "", True, 0, 1, "", tag=tag)
            self._emit(result)
            return result
        try:
            transcript = await closing.segment.finish(self._rules.final_timeout_ms)
        except Exception as error:
            self._on_failure(f"no transcript: {error}", closing.tag)
            transcript = Transcript("", True)
        result = self._in_media_time(closing, transcript, final=True)
        self._emit(result)
        return result

    def _in_media_time(self, opened: _Open, transcript: Transcript, *, final: bool) -> SegmentResult:
        timeline = opened.timeline
        words = [Word(w.text, round(timeline.media_ms(w.start_ms)), w.duration_ms, w.stable) for w in transcript.words]
        if words:
            start_ms = words[0].start_ms
            duration_ms = words[-1].start_ms + words[-1].duration_ms - start_ms
        else:
            start_ms = round(timeline.media_ms(transcript.start_ms))
            duration_ms = transcript.duration_ms or round(timeline.duration_ms)
        return SegmentResult(
            opened.segment.segment_id,
            transcript.text,
            final,
            start_ms,
            max(1, duration_ms),
            transcript.language,
            words,
            transcript.info,
            opened.tag,
        )
