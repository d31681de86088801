"""Engines whose timing, output and faults a test chooses.

They keep the rules of `engines.interfaces` and run under every placement. Delays are `Wait` results: simulated where the engine
runs inline on a virtual clock, real on threads and in workers. `faults` is a list of one-shot misbehaviours, taken in order
by the following requests: "fail" (raise), "stall" (never answer), "die" (end the process), "nan" (a chunk of NaNs), "none".
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from stream_talk import clock
from stream_talk.engines.interfaces import (
    CancelToken,
    EngineUnavailable,
    LlmEvent,
    LlmRequest,
    Pcm16,
    SpeechChunk,
    SpeechRequest,
    TextDelta,
    ToolCall,
    Transcript,
    Usage,
    Viseme,
    Voice,
    Wait,
    Word,
)
from stream_talk.text.units import split_words

_STALL_MS = 10_000_000.0


class _Faults:
    """One-shot misbehaviours, one per request."""

    def __init__(self, faults: Sequence[str]) -> None:
        self._faults = list(faults)

    def next(self) -> str:
        fault = self._faults.pop(0) if self._faults else "none"
        if fault == "fail":
            raise RuntimeError("the fake engine was told to fail")
        if fault == "die":
            os._exit(9)
        return fault


class _Loadable:
    """Shared by the synchronous fakes: a load that may be refused."""

    def __init__(self, unavailable: str = "") -> None:
        self._unavailable = unavailable
        self.loads = 0
        self.closed = False

    def load(self) -> None:
        if self._unavailable:
            raise EngineUnavailable(self._unavailable, "ask for another engine", permanent=False)
        self.loads += 1

    def warm_up(self) -> None:
        """Nothing is slow here."""

    def close(self) -> None:
        self.closed = True


class ToneTts(_Loadable):
    """Speaks a sine: `word_ms` per word, word times and visemes included, in chunks of `chunk_ms`."""

    interleaves = True

    def __init__(
        self,
        voice: str = "tone",
        sample_rate_hz: int = 16000,
        first_chunk_delay_ms: float = 0.0,
        chunk_delay_ms: float = 0.0,
        word_ms: int = 200,
        chunk_ms: int = 100,
        tone_hz: float = 220.0,
        gives_words: bool = True,
        faults: Sequence[str] = (),
        unavailable: str = "",
    ) -> None:
        super().__init__(unavailable)
        self.voice = voice
        self.sample_rate_hz = sample_rate_hz
        self.requests: list[SpeechRequest] = []
        self._first_chunk_delay_ms = first_chunk_delay_ms
        self._chunk_delay_ms = chunk_delay_ms
        self._word_ms = word_ms
        self._chunk_ms = chunk_ms
        self._tone_hz = tone_hz
        self._gives_words = gives_words
        self._faults = _Faults(faults)

    def voices(self) -> list[Voice]:
        return [Voice("tone", "en-US", "a sine"), Voice("buzz", "zh-CN", "another sine")]

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        self.requests.append(request)
        fault = self._faults.next()
        if fault == "stall":
            yield Wait(_STALL_MS)  # type: ignore[misc]
        if self._first_chunk_delay_ms:
            yield Wait(self._first_chunk_delay_ms)  # type: ignore[misc]
        words = split_words(request.text)
        total_ms = max(1, len(words)) * self._word_ms
        for start_ms in range(0, total_ms, self._chunk_ms):
            if cancel.cancelled:
                return
            if start_ms and self._chunk_delay_ms:
                yield Wait(self._chunk_delay_ms)  # type: ignore[misc]
            chunk = self._chunk(words, start_ms, min(total_ms, start_ms + self._chunk_ms))
            if fault == "nan" and start_ms == 0:
                chunk.pcm = np.full(len(chunk.pcm), np.nan, dtype=np.float32)
            yield chunk

    def _chunk(self, words: list[str], start_ms: int, end_ms: int) -> SpeechChunk:
        first = start_ms * self.sample_rate_hz // 1000
        last = end_ms * self.sample_rate_hz // 1000
        phase = 2.0 * np.pi * self._tone_hz * np.arange(first, last) / self.sample_rate_hz
        pcm = (np.sin(phase) * 8000.0).astype(np.int16)
        if not self._gives_words:
            return SpeechChunk(pcm)
        starts = [i for i in range(len(words)) if start_ms <= i * self._word_ms < end_ms]
        timed = [Word(words[i], i * self._word_ms, self._word_ms) for i in starts]
        visemes = [Viseme("aa", words[i][:1], i * self._word_ms, self._word_ms) for i in starts]
        return SpeechChunk(pcm, timed, visemes)


class ScriptedAsr(_Loadable):
    """ "Hears" the words of `script`, one text per segment, at `word_ms` per word of fed audio, and all of it at the finish."""

    interleaves = True

    def __init__(
        self,
        script: Sequence[str] = ("hello world",),
        sample_rate_hz: int = 16000,
        word_ms: int = 250,
        final_delay_ms: float = 0.0,
        language: str = "en",
        faults: Sequence[str] = (),
        unavailable: str = "",
    ) -> None:
        super().__init__(unavailable)
        self.sample_rate_hz = sample_rate_hz
        self._script = list(script)
        self._word_ms = word_ms
        self._final_delay_ms = final_delay_ms
        self._language = language
        self._faults = _Faults(faults)
        self._opened = 0
        self._segments: dict[str, tuple[list[str], int, int]] = {}

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        text = self._script[self._opened % len(self._script)] if self._script else ""
        self._opened += 1
        self._segments[segment_id] = (split_words(text), 0, 0)

    def feed(self, segment_id: str, pcm: Pcm16) -> Iterable[Transcript]:
        words, samples, heard = self._segments[segment_id]
        samples += len(pcm)
        now_heard = min(len(words), samples * 1000 // self.sample_rate_hz // self._word_ms)
        self._segments[segment_id] = (words, samples, now_heard)
        if now_heard == heard:
            return []
        return [self._transcript(words[:now_heard], samples, final=False)]

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Transcript]:
        words, samples, _ = self._segments.pop(segment_id)
        fault = self._faults.next()
        if fault == "stall":
            yield Wait(_STALL_MS)  # type: ignore[misc]
        if self._final_delay_ms:
            yield Wait(self._final_delay_ms)  # type: ignore[misc]
        yield self._transcript(words if samples else [], samples, final=True)

    def drop(self, segment_id: str) -> None:
        self._segments.pop(segment_id, None)

    @property
    def open_segments(self) -> int:
        return len(self._segments)

    def _transcript(self, words: list[str], samples: int, *, final: bool) -> Transcript:
        timed = [
            Word(word, i * self._word_ms, self._word_ms, stable=final or i < len(words) - 1)
            for i, word in enumerate(words)
        ]
        duration_ms = samples * 1000 // self.sample_rate_hz
        return Transcript(" ".join(words), final, 0, duration_ms, self._language, timed)


class ScriptedLlm:
    """Streams the texts of `script` token by token; an entry that is a dict {name, arguments} is a tool call."""

    def __init__(
        self,
        script: Sequence[str | dict[str, Any]] = ("Hello there. How are you today?",),
        first_token_delay_ms: float = 0.0,
        token_delay_ms: float = 0.0,
        endless: bool = False,
        faults: Sequence[str] = (),
        unavailable: str = "",
    ) -> None:
        self._script = list(script)
        self._first_token_delay_ms = first_token_delay_ms
        self._token_delay_ms = token_delay_ms
        self._endless = endless
        self._faults = _Faults(faults)
        self._unavailable = unavailable
        self.requests: deque[LlmRequest] = deque(maxlen=1000)  # hours of conversation must not grow it
        self._answered = 0
        self.running = 0

    async def load(self) -> None:
        if self._unavailable:
            raise EngineUnavailable(self._unavailable, "ask for another engine", permanent=False)

    async def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        self.running += 1
        try:
            async for event in self._events(request):
                yield event
        finally:
            self.running -= 1

    async def _events(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        reply = self._script[self._answered % len(self._script)] if self._script else ""
        self._answered += 1
        self.requests.append(request)
        if self._faults.next() == "stall":
            await clock.sleep_ms(_STALL_MS)
        await clock.sleep_ms(self._first_token_delay_ms)
        if isinstance(reply, dict):
            yield ToolCall(f"call-{len(self.requests)}", reply["name"], reply.get("arguments", {}))
            return
        tokens = tokenize(reply)
        while True:
            for token in tokens:
                yield TextDelta(token)
                await clock.sleep_ms(self._token_delay_ms)
            if not self._endless:
                break
        yield Usage(len(request.messages), len(tokens))

    async def close(self) -> None:
        """Holds nothing."""


class LevelVad:
    """Speech is whatever is louder than `threshold_rms`."""

    def __init__(self, sample_rate_hz: int = 16000, hop_ms: int = 10, threshold_rms: float = 500.0) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.hop_samples = sample_rate_hz * hop_ms // 1000
        self._threshold_rms = threshold_rms

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing is slow here."""

    def close(self) -> None:
        """Holds nothing."""

    def probability(self, hop: Pcm16) -> float | None:
        rms = float(np.sqrt(np.mean(np.square(hop.astype(np.float64)))))
        return 1.0 if rms > self._threshold_rms else 0.0

    def reset(self) -> None:
        """Has no state."""


def tokenize(text: str) -> list[str]:
    """Pieces as a language model would stream them: words with their leading space, CJK signs one by one."""
    tokens: list[str] = []
    for char in text:
        starts_piece = char.isspace() or not char.isascii() or not char.isalnum()
        if (
            tokens
            and not starts_piece
            and (tokens[-1][-1].isalnum() or tokens[-1] in " .")
            and tokens[-1][-1].isascii()
        ):
            tokens[-1] += char
        else:
            tokens.append(char)
    return tokens
