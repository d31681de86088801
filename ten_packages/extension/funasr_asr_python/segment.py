"""One utterance that is written down while it is spoken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from stream_talk.asr.levels import LevelMeter
from stream_talk.asr.rolling import Samples
from stream_talk.engines.interfaces import Pcm16, Transcript, Word
from stream_talk.text.stable import spread_evenly
from stream_talk.text.units import split_words

from .models import FinalModel, PunctuationModel, StreamingModel, grown, untagged
from .options import FunAsrOptions

SHORTEST_VOICE_MS = 80
RATE_HZ = 16000


class StreamedSegment:
    def __init__(
        self,
        options: FunAsrOptions,
        streaming: StreamingModel,
        final: FinalModel | None,
        punctuation: PunctuationModel | None,
    ) -> None:
        self._options = options
        self._streaming, self._final, self._punctuation = streaming, final, punctuation
        self._stream: dict[str, Any] = {}
        self._fed = False
        self._waiting: Samples = np.zeros(0, np.float32)
        self._heard: list[Pcm16] = []  # for the final model
        self._meter = LevelMeter(RATE_HZ)
        self._text = ""

    def feed(self, pcm: Pcm16) -> Iterator[Transcript]:
        self._meter.feed(pcm)
        if self._final is not None:
            self._heard.append(pcm)
        self._waiting = np.concatenate([self._waiting, pcm.astype(np.float32) / 32768.0])
        piece = self._options.feed_ms * RATE_HZ // 1000
        while len(self._waiting) >= piece:
            now, self._waiting = self._waiting[:piece], self._waiting[piece:]
            if self._write(now, last=False) and not self._meter.silent:
                yield self._transcript(self._text, final=False)

    def finish(self) -> Transcript:
        if self._meter.silent or self._meter.voiced_ms < SHORTEST_VOICE_MS:
            # Also because a stream that is ended without audio writes down its own padding.
            return self._transcript("", final=True)
        if self._final is not None:
            return self._second_hearing(self._final)
        self._write(self._waiting, last=True)
        text = self._text
        if self._punctuation is not None and text:
            text = self._punctuation.punctuate(text)
        return self._transcript(text, final=True)

    def _write(self, samples: Samples, *, last: bool) -> bool:
        """True when there is new text."""
        self._fed = self._fed or len(samples) > 0
        delta = untagged(self._streaming.write(samples, self._stream, last=last)).text if self._fed else ""
        self._text = grown(self._text, delta)
        return bool(delta)

    def _second_hearing(self, model: FinalModel) -> Transcript:
        samples = np.concatenate(self._heard).astype(np.float32) / 32768.0
        heard = model.hear(samples, self._options.language)
        transcript = self._transcript(heard.text, final=True)
        transcript.language = heard.language or transcript.language
        for name, value in (("emotion", heard.emotion), ("event", heard.event)):
            if value:
                transcript.info[name] = value
        return transcript

    def _transcript(self, text: str, *, final: bool) -> Transcript:
        start_ms, end_ms = self._meter.voice_start_ms, self._meter.voice_end_ms
        duration_ms = max(1, end_ms - start_ms)
        # Streamed text is never taken back, but a final model may write something else.
        stable = final or self._final is None
        words = [
            Word(word, start_ms + at_ms, long_ms, stable)
            for word, at_ms, long_ms in spread_evenly(split_words(text), duration_ms)
        ]
        language = self._options.language if self._options.language != "auto" else ""
        return Transcript(text, final, start_ms, duration_ms, language, words, {"word_times": "estimated"})
