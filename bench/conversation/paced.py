"""Engines with a timetable: no computing, exact delays, and a note of when the recogniser was asked.

With all delays 0 what remains between the question to the recogniser and the first sound is the framework's own time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel
from stream_talk import clock
from stream_talk.engines.host import Placement
from stream_talk.engines.interfaces import (
    CancelToken,
    LlmEvent,
    LlmRequest,
    SpeechChunk,
    SpeechRequest,
    TextDelta,
    Transcript,
    Wait,
)
from stream_talk.ten import AsrConfig, AsrExtension, LlmConfig, LlmExtension, TtsConfig, TtsExtension
from stream_talk.testing.stage import register_for_test
from stream_talk.text.units import count_words

TRANSCRIPT = "please tell me what options are available on this line"
REPLY = (
    "Sure I can help you with that request right now. There are three options that you can choose from today. "
    "The first one is billing and the second is support. Just tell me which one you would like to use."
)
TOKENS = [word if i == 0 else f" {word}" for i, word in enumerate(REPLY.split(" "))]
FIRST_SENTENCE_TOKENS = 10
_TONE = (np.sin(2 * np.pi * 200 * np.arange(320) / 16000) * 6000).astype(np.int16)


@dataclass
class Timetable:
    """Delays of one session's engines, and what they noted."""

    token_ms: float = 0.0
    speech_ms: float = 0.0
    word_ms: float = 100.0
    asked_s: list[float] = field(default_factory=list)  # when the recogniser was asked for its final
    sentence_s: list[float] = field(default_factory=list)  # when the first sentence of a reply was complete

    @property
    def nominal_ms(self) -> float:
        """What the engines themselves take until the first sound."""
        return (FIRST_SENTENCE_TOKENS - 1) * self.token_ms + self.speech_ms


TIMETABLES: dict[str, Timetable] = {}  # by session, where the engines find theirs


class _Timed:
    sample_rate_hz = 16000

    def __init__(self, session: str) -> None:
        self.timetable = TIMETABLES[session]

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing is slow."""

    def close(self) -> None:
        """Holds nothing."""


class TimedAsr(_Timed):
    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        """Hears nothing."""

    def feed(self, segment_id: str, pcm: Any) -> Iterable[Transcript]:
        return ()

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Any]:
        self.timetable.asked_s.append(time.perf_counter())
        yield Wait(0.0)
        yield Transcript(TRANSCRIPT, True)

    def drop(self, segment_id: str) -> None:
        """Holds nothing."""


class TimedTts(_Timed):
    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[Any]:
        yield Wait(self.timetable.speech_ms)
        for _ in range(round(count_words(request.text) * self.timetable.word_ms / 20)):
            yield SpeechChunk(_TONE)
            yield Wait(0.0)


class TimedLlm:
    def __init__(self, session: str) -> None:
        self._timetable = TIMETABLES[session]

    async def load(self) -> None:
        """Nothing to load."""

    async def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        start_ms = clock.now_ms()
        for i, token in enumerate(TOKENS):
            await clock.sleep_ms(start_ms + i * self._timetable.token_ms - clock.now_ms())
            if i == FIRST_SENTENCE_TOKENS - 1:
                self._timetable.sentence_s.append(time.perf_counter())
            yield TextDelta(token)

    async def close(self) -> None:
        """Holds nothing."""


class Params(BaseModel):
    session: str


class TimedAsrConfig(AsrConfig):
    params: Params


class TimedLlmConfig(LlmConfig):
    params: Params


class TimedTtsConfig(TtsConfig):
    params: Params


class TimedAsrExtension(AsrExtension):
    vendor = "timed"
    config_model = TimedAsrConfig
    engine_class = TimedAsr
    placement: ClassVar[Placement] = "inline"


class TimedLlmExtension(LlmExtension):
    vendor = "timed"
    config_model = TimedLlmConfig
    engine_class = TimedLlm


class TimedTtsExtension(TtsExtension):
    vendor = "timed"
    config_model = TimedTtsConfig
    engine_class = TimedTts
    placement: ClassVar[Placement] = "inline"


NODES = {"stt": "timed_asr", "llm": "timed_llm", "tts": "timed_tts"}
for addon, extension in zip(NODES.values(), (TimedAsrExtension, TimedLlmExtension, TimedTtsExtension), strict=True):
    register_for_test(addon, extension)
