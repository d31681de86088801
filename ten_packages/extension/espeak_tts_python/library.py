"""The C interface of espeak-ng, as shipped by `espeakng-loader` (1.52: earlier ones read Mandarin as English letters).

The library is one global machine per process: one voice, one set of parameters, one callback. `EspeakLibrary` therefore
locks around every utterance. Synchronous output is used because the retrieval mode polls every 20 ms, also on cancel.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 1
_BUFFER_MS = 20
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_ERROR_OK = 0

EVENT_LIST_TERMINATED = 0
EVENT_WORD = 1
EVENT_PHONEME = 7

PARAMETER_RATE = 1
PARAMETER_VOLUME = 2
PARAMETER_PITCH = 3
PARAMETER_RANGE = 4


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class SpeechEvent:
    """A word or phoneme begins. `position` counts characters of the text from 0."""

    kind: int
    position: int
    audio_ms: int
    phoneme: str = ""


@dataclass(frozen=True)
class VoiceEntry:
    name: str
    language: str
    identifier: str


@dataclass(frozen=True)
class VoiceParameters:
    """espeak's own units: words per minute, and 0 to 100 (volume to 200)."""

    voice: str
    rate_wpm: int
    pitch: int
    pitch_range: int
    volume: int


class EspeakLibrary:
    """Use `espeak_library()`; a second instance would fight over the same global state."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lib = _load_library()
        self.sample_rate_hz = _initialize(self._lib)
        self._parameters: VoiceParameters | None = None
        self._known_voices: dict[str, bool] = {}

    def voices(self) -> list[VoiceEntry]:
        with self._lock:
            listed = self._lib.espeak_ListVoices(None)
            found = []
            index = 0
            while listed[index]:
                voice = listed[index].contents
                # `languages` is a priority byte, then the name, possibly several; the first is the best.
                language = (voice.languages or b"\0")[1:].decode("utf-8", "replace")
                found.append(VoiceEntry(_text(voice.name), language, _text(voice.identifier)))
                index += 1
        return found

    def speak(
        self,
        text: str,
        parameters: VoiceParameters,
        on_audio: Callable[[Pcm16, list[SpeechEvent]], bool],
    ) -> None:
        """Synthesise `text`; `on_audio` is called on this thread and stops the synthesis by returning False."""
        failure: list[BaseException] = []

        def callback(samples: Any, count: int, events: Any) -> int:
            try:
                pcm = np.ctypeslib.as_array(samples, (count,)).copy() if samples and count > 0 else _NO_AUDIO
                return 0 if on_audio(pcm, _read_events(events)) else 1
            except BaseException as error:  # it must not unwind through C; it is raised below
                failure.append(error)
                return 1

        with self._lock:
            self._apply(parameters)
            held = _CALLBACK(callback)
            self._lib.espeak_SetSynthCallback(held)
            encoded = text.encode("utf-8") + b"\0"
            result = self._lib.espeak_Synth(
                encoded, ctypes.c_size_t(len(encoded)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
            )
        if failure:
            raise failure[0]
        if result != _ERROR_OK:
            raise RuntimeError(f"espeak-ng could not speak (error {result})")

    def has_voice(self, name: str) -> bool:
        if name not in self._known_voices:
            with self._lock:
                self._known_voices[name] = self._lib.espeak_SetVoiceByName(name.encode("utf-8")) == _ERROR_OK
                self._parameters = None
        return self._known_voices[name]

    def _apply(self, wanted: VoiceParameters) -> None:
        if wanted == self._parameters:
            return
        # An unknown name is refused and silently keeps the previous voice, so the result is checked.
        self._parameters = None
        if self._lib.espeak_SetVoiceByName(wanted.voice.encode("utf-8")) != _ERROR_OK:
            raise ValueError(
                f"espeak-ng has no voice {wanted.voice!r}; write one that its voice list names, such as en-us"
            )
        self._lib.espeak_SetParameter(PARAMETER_RATE, wanted.rate_wpm, 0)
        self._lib.espeak_SetParameter(PARAMETER_PITCH, wanted.pitch, 0)
        self._lib.espeak_SetParameter(PARAMETER_RANGE, wanted.pitch_range, 0)
        self._lib.espeak_SetParameter(PARAMETER_VOLUME, wanted.volume, 0)
        self._parameters = wanted


@cache
def espeak_library() -> EspeakLibrary:
    """The one of this process."""
    return EspeakLibrary()


_NO_AUDIO: Pcm16 = np.zeros(0, np.int16)


def _load_library() -> ctypes.CDLL:
    try:
        import espeakng_loader
    except ImportError as error:
        raise EngineUnavailable("espeakng-loader is not installed", "pip install espeakng-loader") from error
    try:
        lib = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise EngineUnavailable(
            f"espeak-ng's library does not load on this platform ({error})",
            "reinstall espeakng-loader, or name another addon for the node `tts`",
        ) from error
    lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    lib.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    return lib


def _initialize(lib: ctypes.CDLL) -> int:
    import espeakng_loader

    data = str(espeakng_loader.get_data_path()).encode("utf-8")
    rate = lib.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data, _INITIALIZE_PHONEME_EVENTS)
    if rate <= 0:
        raise EngineUnavailable(
            f"espeak-ng found no data in {data.decode()}", "pip install --force-reinstall espeakng-loader"
        )
    return int(rate)


def _read_events(events: Any) -> list[SpeechEvent]:
    read = []
    index = 0
    while events[index].type != EVENT_LIST_TERMINATED:
        event = events[index]
        index += 1
        if event.type == EVENT_WORD:
            read.append(SpeechEvent(EVENT_WORD, event.text_position - 1, event.audio_position))
        elif event.type == EVENT_PHONEME:
            phoneme = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "replace")
            read.append(SpeechEvent(EVENT_PHONEME, event.text_position - 1, event.audio_position, phoneme))
    return read


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
