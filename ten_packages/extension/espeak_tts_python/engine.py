"""Speech by espeak-ng: robotic, immediate, in more than a hundred languages, with nothing to download.

`speak` runs espeak on a thread of its own and hands out each 60 ms as it is made, so the first sound does not wait for
the clause. Text in Chinese characters and text in letters are spoken by different voices, run by run.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, Pcm16, SpeechChunk, SpeechRequest, Voice

from .library import EspeakLibrary, SpeechEvent, VoiceParameters, espeak_library
from .timeline import Timeline

NORMAL_RATE_WPM = 175
_LONGEST_PIECE = 300
_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SPEAKABLE = re.compile(r"\w")
_PIECE_END = re.compile(rf".{{1,{_LONGEST_PIECE}}}(?:[.!?;,。！？；，、\s]|$)|.{{1,{_LONGEST_PIECE}}}", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# Where espeak's name of a voice is not the language tag itself.
_VOICE_OF_LANGUAGE = {
    "zh": "cmn",
    "zh-cn": "cmn",
    "zh-tw": "cmn",
    "zh-hk": "yue",
    "en": "en-us",
    "en-us": "en-us",
    "en-gb": "en-gb",
}
_QUIET = 30
_KEPT_LEAD_MS = 4


@dataclass(frozen=True)
class Settings:
    """`rate`, `pitch`, `volume` are factors of normal; `chinese_voice` speaks the runs in Chinese characters."""

    voice: str = "en-us"
    chinese_voice: str = "cmn"
    rate: float = 1.0
    pitch: float = 1.0
    volume: float = 1.0
    clause_pause_ms: int = 140


class EspeakEngine:
    """Any number of requests may be open; the library speaks one piece at a time."""

    def __init__(self, **settings: Any) -> None:
        self._settings = Settings(**settings)
        self._library: EspeakLibrary | None = None
        self.sample_rate_hz = 22050

    def load(self) -> None:
        if self._library is None:
            library = espeak_library()
            self.sample_rate_hz = library.sample_rate_hz
            for voice in (self._settings.voice, self._settings.chinese_voice):
                if not library.has_voice(voice):
                    raise EngineUnavailable(
                        f"espeak-ng has no voice {voice!r}", "write one of `stream-talk say --voices`, such as en-us"
                    )
            self._library = library

    def warm_up(self) -> None:
        for text in ("ready", "好"):
            for _ in self.speak(SpeechRequest(text), _NEVER):
                pass

    def close(self) -> None:
        self._library = None

    def voices(self) -> Sequence[Voice]:
        self.load()
        assert self._library is not None
        return [
            Voice(entry.identifier.rpartition("/")[2], entry.language, entry.name)
            for entry in self._library.voices()
            if entry.language and not entry.identifier.startswith("mb/")
        ]

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        self.load()
        assert self._library is not None
        settings = self._for_request(request.options)
        position_ms = 0
        if not request.first_of_reply and _SPEAKABLE.search(request.text):
            pause = np.zeros(settings.clause_pause_ms * self.sample_rate_hz // 1000, np.int16)
            position_ms = settings.clause_pause_ms
            if len(pause):
                yield SpeechChunk(pause)
        spoken_samples = position_ms * self.sample_rate_hz // 1000
        for text, voice in pieces_of(request.text, settings):
            if cancel.cancelled:
                return
            utterance = _Utterance(self._library, text, _parameters(settings, voice), cancel)
            offset_ms = spoken_samples * 1000 // self.sample_rate_hz
            for chunk in utterance.chunks(offset_ms):
                spoken_samples += len(chunk.pcm)
                yield chunk

    def _for_request(self, options: dict[str, Any]) -> Settings:
        """`options` may name any setting, or a `language` whose usual voice is then taken. A voice that does not exist is not
        taken: a live setting must not silence the reply."""
        assert self._library is not None
        known = {key: value for key, value in options.items() if key in Settings.__dataclass_fields__ and value}
        language = str(options.get("language") or "").lower()
        if (
            language
            and "voice" not in known
            and not self._settings.voice.lower().startswith(language.partition("-")[0])
        ):
            usual = _VOICE_OF_LANGUAGE.get(language.partition("-")[0], language)
            known["voice"] = _VOICE_OF_LANGUAGE.get(language, usual)
        if "voice" in known and not self._library.has_voice(str(known["voice"])):
            del known["voice"]
        return replace(self._settings, **known)


class _Utterance:
    """One piece of text on its way through the library."""

    def __init__(self, library: EspeakLibrary, text: str, parameters: VoiceParameters, cancel: CancelToken) -> None:
        self._library = library
        self._text = text
        self._parameters = parameters
        self._cancel = cancel
        self._abandoned = False
        self._made: queue.SimpleQueue[tuple[Pcm16, list[SpeechEvent]] | BaseException | None] = queue.SimpleQueue()

    def chunks(self, offset_ms: int) -> Iterator[SpeechChunk]:
        maker = threading.Thread(target=self._make, name="espeak", daemon=True)
        maker.start()
        try:
            yield from self._timed(offset_ms)
        finally:
            self._abandoned = True
            maker.join()

    def _make(self) -> None:
        try:
            self._library.speak(self._text, self._parameters, self._on_audio)
            self._made.put(None)
        except BaseException as error:  # handed to the thread that asked
            self._made.put(error)

    def _on_audio(self, pcm: Pcm16, events: list[SpeechEvent]) -> bool:
        self._made.put((pcm, events))
        return not (self._abandoned or self._cancel.cancelled)

    def _timed(self, offset_ms: int) -> Iterator[SpeechChunk]:
        rate_hz = self._library.sample_rate_hz
        timeline: Timeline | None = None
        made = 0
        while (item := self._made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            if self._cancel.cancelled:
                return
            pcm, events = item
            made += len(pcm)
            if timeline is None:
                skipped, pcm = _without_lead(pcm, rate_hz)
                timeline = Timeline(self._text, offset_ms=offset_ms, lead_ms=skipped * 1000 // rate_hz)
            timeline.feed(events)
            words, visemes = timeline.take()
            if len(pcm) or words or visemes:
                yield SpeechChunk(pcm, words, visemes)
        if timeline is not None:
            timeline.finish(made * 1000 // rate_hz)
            words, visemes = timeline.take()
            if words or visemes:
                yield SpeechChunk(np.zeros(0, np.int16), words, visemes)


class _Never:
    cancelled = False


_NEVER = _Never()


def pieces_of(text: str, settings: Settings) -> list[tuple[str, str]]:
    """(text, voice) in order: cut where the script changes, and into lengths that one call makes at once."""
    clean = _CONTROL.sub(" ", text)
    if not _SPEAKABLE.search(clean):
        return []
    return [
        (piece, voice)
        for run, voice in _script_runs(clean, settings)
        for piece in _PIECE_END.findall(run)
        if _SPEAKABLE.search(piece)
    ]


def _script_runs(text: str, settings: Settings) -> list[tuple[str, str]]:
    """Digits and punctuation stay with the run they follow: "三点14分" is one run."""
    if not _CHINESE.search(text):
        letters_voice = settings.voice
        return [(text, letters_voice)]
    runs: list[list[str]] = []
    for part in re.findall(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'\-]*(?:\s+[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'\-]*)*|[^A-Za-zÀ-ɏ]+", text):
        voice = settings.voice if part[0].isalpha() and not _CHINESE.match(part[0]) else settings.chinese_voice
        if runs and (runs[-1][1] == voice or not _SPEAKABLE.search(part)):
            runs[-1][0] += part
        else:
            runs.append([part, voice])
    if settings.voice == settings.chinese_voice or settings.voice.startswith(("cmn", "yue", "zh")):
        return [(text, settings.voice)]
    return [(run, voice) for run, voice in runs]


def _parameters(settings: Settings, voice: str) -> VoiceParameters:
    return VoiceParameters(
        voice=voice,
        rate_wpm=_within(NORMAL_RATE_WPM * settings.rate, 80, 450),
        pitch=_within(50 * settings.pitch, 0, 99),
        pitch_range=50,
        volume=_within(100 * settings.volume, 0, 200),
    )


def _within(value: float, lowest: int, highest: int) -> int:
    return int(min(max(value, lowest), highest))


def _without_lead(pcm: Pcm16, rate_hz: int) -> tuple[int, Pcm16]:
    """Drop the silence before the first sound, less a little so that the onset is not clipped."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > _QUIET)
    if not len(loud):
        return 0, pcm
    cut = max(0, int(loud[0]) - _KEPT_LEAD_MS * rate_hz // 1000)
    return cut, pcm[cut:]
