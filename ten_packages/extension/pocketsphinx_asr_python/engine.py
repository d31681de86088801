"""Streaming recognition by pocketsphinx: English, no download. Partials while the person speaks, a final within ~20 ms.

A pocketsphinx decoder follows one utterance at a time, so a segment takes a decoder from a small pool when it opens. When
all are taken its audio waits and is caught up (eight times faster than speech) as soon as one is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, Pcm16, Transcript, Word

from .decoder import SAMPLE_RATE_HZ, ModelPaths, UtteranceDecoder, speech_level
from .stability import StablePrefix

_SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
_OPENING_MS = 600
_STEP_SAMPLES = 20 * _SAMPLES_PER_MS
_QUIET_WINDOW_MS = 100
_BUNDLED_LANGUAGES = ("en", "en-us")


@dataclass
class _Segment:
    language: str
    decoder: UtteranceDecoder | None = None
    waiting: list[Pcm16] = field(default_factory=list)
    waiting_samples: int = 0
    received_samples: int = 0
    decoded_samples: int = 0
    utterance_start: int = 0
    utterance_level: float = 0.0
    since_partial: int = 0
    settled: list[Word] = field(default_factory=list)
    prefix: StablePrefix = field(default_factory=StablePrefix)
    last_text: str = ""
    started: bool = False


class PocketsphinxEngine:
    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(
        self,
        language: str = "en-US",
        hmm: str = "",
        lm: str = "",
        dictionary: str = "",
        hot_words: dict[str, str] | None = None,
        max_decoders: int = 4,
        partial_interval_ms: int = 100,
        longest_utterance_ms: int = 30_000,
    ) -> None:
        self._language = language
        self._paths = ModelPaths(hmm, lm, dictionary)
        self._hot_words = hot_words or {}
        self._max_decoders = max(1, max_decoders)
        self._partial_samples = partial_interval_ms * _SAMPLES_PER_MS
        self._longest_samples = longest_utterance_ms * _SAMPLES_PER_MS
        self._free: list[UtteranceDecoder] = []
        self._made = 0
        self._segments: dict[str, _Segment] = {}

    def load(self) -> None:
        if not self._paths.hmm and self._language.lower() not in _BUNDLED_LANGUAGES:
            raise EngineUnavailable(
                f"pocketsphinx brings an English model only, and the language is {self._language!r}",
                "set params.hmm, params.lm and params.dict to a model of that language, or use another addon for `stt`",
            )
        if self._made == 0:
            self._free.append(self._new_decoder())

    def warm_up(self) -> None:
        self.open_segment("warm-up", {})
        noise = np.random.default_rng(0).integers(-200, 200, SAMPLE_RATE_HZ, np.int16)
        for _ in self.feed("warm-up", noise):
            pass
        self.drop("warm-up")

    def close(self) -> None:
        self._segments.clear()
        self._free.clear()
        self._made = 0

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        self.drop(segment_id)
        self._segments[segment_id] = _Segment(language=str(options.get("language") or self._language))

    def feed(self, segment_id: str, pcm: Pcm16) -> Iterable[Transcript]:
        segment = self._segments[segment_id]
        segment.waiting.append(pcm)
        segment.waiting_samples += len(pcm)
        segment.received_samples += len(pcm)
        if segment.decoder is None and not self._take_decoder(segment):
            return []
        if not segment.started and segment.waiting_samples < _OPENING_MS * _SAMPLES_PER_MS:
            return []
        return list(self._decode_waiting(segment))

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Transcript]:
        segment = self._segments[segment_id]
        try:
            if segment.decoder is None and segment.waiting_samples and not self._take_decoder(segment):
                segment.decoder = self._new_decoder()  # one more than the pool holds; _release lets it go
            for transcript in self._decode_waiting(segment):
                if cancel.cancelled:
                    return
                yield transcript
            if segment.decoder is not None and segment.started:
                segment.decoder.end()
            yield self._transcript(segment, final=True)
        finally:
            self.drop(segment_id)

    def drop(self, segment_id: str) -> None:
        segment = self._segments.pop(segment_id, None)
        if segment is not None and segment.decoder is not None:
            self._release(segment.decoder)

    def _decode_waiting(self, segment: _Segment) -> Iterator[Transcript]:
        if not segment.waiting_samples or segment.decoder is None:
            return
        audio = np.concatenate(segment.waiting)
        segment.waiting, segment.waiting_samples = [], 0
        if not segment.started:
            segment.decoder.start(audio)
            segment.utterance_level = speech_level(audio)
            segment.started = True
        for start in range(0, len(audio), _STEP_SAMPLES):
            step = audio[start : start + _STEP_SAMPLES]
            segment.decoder.feed(step)
            segment.decoded_samples += len(step)
            segment.since_partial += len(step)
            self._cut_monologue(segment, audio[: start + len(step)])
            if segment.since_partial >= self._partial_samples:
                segment.since_partial = 0
                partial = self._partial(segment)
                if partial is not None:
                    yield partial

    def _partial(self, segment: _Segment) -> Transcript | None:
        assert segment.decoder is not None
        hypothesis = segment.decoder.words(segment.utterance_start // _SAMPLES_PER_MS)
        grown = segment.prefix.update(hypothesis, segment.decoded_samples // _SAMPLES_PER_MS)
        partial = self._transcript(segment, final=False)
        if not partial.text or (partial.text == segment.last_text and not grown):
            return None
        segment.last_text = partial.text
        return partial

    def _transcript(self, segment: _Segment, *, final: bool) -> Transcript:
        words = [*segment.settled, *self._utterance_words(segment)]
        if final:
            words = [_settled(word) for word in words]
        start_ms = words[0].start_ms if words else 0
        end_ms = words[-1].start_ms + words[-1].duration_ms if words else segment.received_samples // _SAMPLES_PER_MS
        text = " ".join(word.text for word in words)
        return Transcript(text, final, start_ms, max(1, end_ms - start_ms), segment.language, words)

    def _utterance_words(self, segment: _Segment) -> list[Word]:
        if segment.decoder is None or not segment.started:
            return []
        return segment.prefix.applied_to(segment.decoder.words(segment.utterance_start // _SAMPLES_PER_MS))

    def _cut_monologue(self, segment: _Segment, recent: Pcm16) -> None:
        """End a long utterance inside the segment, at a quiet moment if one comes: a decoder's memory grows with it."""
        length = segment.decoded_samples - segment.utterance_start
        if length < self._longest_samples * 2 // 3:
            return
        window = recent[-_QUIET_WINDOW_MS * _SAMPLES_PER_MS :]
        loudness = float(np.sqrt(np.square(window.astype(np.float32)).mean()))
        if length < self._longest_samples and loudness > 0.1 * segment.utterance_level:
            return
        assert segment.decoder is not None
        segment.decoder.end()
        segment.settled.extend(_settled(word) for word in self._utterance_words(segment))
        segment.utterance_start = segment.decoded_samples
        segment.prefix = StablePrefix()
        segment.decoder.start(recent)

    def _take_decoder(self, segment: _Segment) -> bool:
        if not self._free and self._made < self._max_decoders:
            self._free.append(self._new_decoder())
        if self._free:
            segment.decoder = self._free.pop()
        return segment.decoder is not None

    def _release(self, decoder: UtteranceDecoder) -> None:
        decoder.end()
        if self._made > self._max_decoders:
            self._made -= 1
        else:
            self._free.append(decoder)

    def _new_decoder(self) -> UtteranceDecoder:
        self._made += 1
        return UtteranceDecoder(self._paths, self._hot_words)


def _settled(word: Word) -> Word:
    return Word(word.text, word.start_ms, word.duration_ms, stable=True)
