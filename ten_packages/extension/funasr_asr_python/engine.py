"""FunASR as a streaming recogniser: Paraformer writes while the person speaks, SenseVoice hears the whole utterance at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from stream_talk.asr.rolling import RollingRules, RollingSegment
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, Pcm16, Transcript

from .models import FinalModel, PunctuationModel, StreamingModel, language_by_script
from .options import FunAsrOptions
from .segment import StreamedSegment

STREAMED_LANGUAGES = ("auto", "zh", "en")


class FunAsrEngine:
    sample_rate_hz = 16000

    def __init__(self, **options: Any) -> None:
        given = FunAsrOptions(**options)
        self._options = FunAsrOptions(**{**given.__dict__, "language": given.language.partition("-")[0]})
        self._streaming: StreamingModel | None = None
        self._final: FinalModel | None = None
        self._punctuation: PunctuationModel | None = None
        self._segments: dict[str, StreamedSegment | RollingSegment] = {}

    def load(self) -> None:
        options = self._options
        streams = options.streaming_model and options.language in STREAMED_LANGUAGES
        if not streams and not options.final_model:
            raise EngineUnavailable(
                f"no model can hear {options.language}", "set `final_model`, for example iic/SenseVoiceSmall"
            )
        if streams and self._streaming is None:
            self._streaming = StreamingModel(options)
        if options.final_model and self._final is None:
            self._final = FinalModel(options)
        if options.punctuation_model and self._punctuation is None:
            self._punctuation = PunctuationModel(options)

    def warm_up(self) -> None:
        hiss = np.random.default_rng(1).standard_normal(16000).astype(np.float32) * 0.01
        if self._streaming is not None:
            stream: dict[str, Any] = {}
            self._streaming.write(hiss, stream, last=False)
            self._streaming.write(hiss[:8000], stream, last=True)
        if self._final is not None:
            self._final.hear(hiss, self._options.language)

    def close(self) -> None:
        self._segments.clear()
        self._streaming = self._final = self._punctuation = None

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        if self._streaming is not None:
            self._segments[segment_id] = StreamedSegment(self._options, self._streaming, self._final, self._punctuation)
        elif self._final is not None:
            rules = RollingRules(
                partial_interval_ms=self._options.partial_interval_ms, hot_words=self._options.hot_words
            )
            language = "" if self._options.language == "auto" else self._options.language
            self._segments[segment_id] = RollingSegment(self._final.look, rules, language)

    def feed(self, segment_id: str, pcm: Pcm16) -> Iterable[Transcript]:
        return [self._named(transcript) for transcript in self._segments[segment_id].feed(pcm)]

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Transcript]:
        segment = self._segments.pop(segment_id)
        if not cancel.cancelled:
            yield self._named(segment.finish())

    def drop(self, segment_id: str) -> None:
        self._segments.pop(segment_id, None)

    def _named(self, transcript: Transcript) -> Transcript:
        model = (self._options.final_model if transcript.final else "") or self._options.streaming_model
        transcript.info["model"] = model.rpartition("/")[2]
        transcript.language = transcript.language or language_by_script(transcript.text) or "zh"
        return transcript
