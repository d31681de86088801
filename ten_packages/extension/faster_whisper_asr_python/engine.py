"""faster-whisper as a streaming recogniser: it listens again while the person speaks, and is quick about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from stream_talk.asr.rolling import RollingRules, RollingSegment
from stream_talk.engines.interfaces import CancelToken, Pcm16, Transcript

from .decoder import WhisperDecoder
from .options import WhisperOptions


class FasterWhisperEngine:
    sample_rate_hz = 16000

    def __init__(self, **options: Any) -> None:
        self._options = WhisperOptions(**options)
        self._decoder = WhisperDecoder(self._options)
        self._segments: dict[str, RollingSegment] = {}

    def load(self) -> None:
        self._decoder.load()

    def warm_up(self) -> None:
        """Two lengths: the first call of each shape allocates its memory."""
        for seconds in (1, 3):
            hiss = np.random.default_rng(1).standard_normal(16000 * seconds).astype(np.float32) * 0.01
            self._decoder.look(hiss, language=self._options.language or "en", begins_with="", final=True)

    def close(self) -> None:
        self._segments.clear()
        self._decoder.close()

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        # The stage passes its configured language with a region, or en-US when there is none: what was configured is known here.
        chosen = self._options
        rules = RollingRules(
            partials=chosen.partials, partial_interval_ms=chosen.partial_interval_ms, hot_words=chosen.hot_words
        )
        self._segments[segment_id] = RollingSegment(self._decoder.look, rules, chosen.language.partition("-")[0])

    def feed(self, segment_id: str, pcm: Pcm16) -> Iterable[Transcript]:
        return [self._named(transcript) for transcript in self._segments[segment_id].feed(pcm)]

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Transcript]:
        segment = self._segments.pop(segment_id)
        if not cancel.cancelled:
            yield self._named(segment.finish())

    def drop(self, segment_id: str) -> None:
        self._segments.pop(segment_id, None)

    def _named(self, transcript: Transcript) -> Transcript:
        transcript.info["model"] = self._options.model.rpartition("/")[2]
        transcript.language = transcript.language or self._options.language or "en"
        return transcript
