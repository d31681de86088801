"""Recognisers on Apple's MLX. They listen again while the person speaks; MLX's own streaming of them needs the whole audio.

An array of MLX belongs to the thread that made it: loading and every look happen on one thread, or MLX fails somewhere inside.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from stream_talk.asr.hypothesis import Hypothesis
from stream_talk.asr.rolling import RollingRules, RollingSegment, Samples
from stream_talk.engines.interfaces import CancelToken, Pcm16, Transcript

from .models import Look, open_model
from .options import MlxOptions


class MlxWhisperEngine:
    sample_rate_hz = 16000

    def __init__(self, **options: Any) -> None:
        self._options = MlxOptions(**options)
        self._look: Look | None = None
        self._owner = 0
        self._segments: dict[str, RollingSegment] = {}

    def load(self) -> None:
        if self._look is None:
            self._owner = threading.get_ident()
            self._look = open_model(self._options)

    def warm_up(self) -> None:
        """The first look compiles; two lengths, because shapes are compiled one by one."""
        for seconds in (1, 2):
            hiss = np.random.default_rng(1).standard_normal(16000 * seconds).astype(np.float32) * 0.01
            self.look(hiss, language=self._language() or "en", begins_with="", final=True)

    def close(self) -> None:
        self._segments.clear()
        self._look = None

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        chosen = self._options
        rules = RollingRules(
            partials=chosen.partials, partial_interval_ms=chosen.partial_interval_ms, hot_words=chosen.hot_words
        )
        self._segments[segment_id] = RollingSegment(self.look, rules, self._language())

    def feed(self, segment_id: str, pcm: Pcm16) -> Iterable[Transcript]:
        return [self._named(transcript) for transcript in self._segments[segment_id].feed(pcm)]

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Transcript]:
        segment = self._segments.pop(segment_id)
        if not cancel.cancelled:
            yield self._named(segment.finish())

    def drop(self, segment_id: str) -> None:
        self._segments.pop(segment_id, None)

    def look(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        if threading.get_ident() != self._owner:
            raise RuntimeError("MLX belongs to the thread that loaded the model; use placement `process` or `thread`")
        assert self._look is not None, "load first"
        return self._look(samples, language=language, begins_with=begins_with, final=final)

    def _language(self) -> str:
        return self._options.language.partition("-")[0]

    def _named(self, transcript: Transcript) -> Transcript:
        transcript.info["model"] = self._options.model.rpartition("/")[2]
        transcript.language = transcript.language or self._language() or "en"
        return transcript
