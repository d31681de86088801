"""Speech by Kokoro: natural voices of 82 million weights. One sentence at a time, because the model wants to see the whole of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from stream_talk.audio.pcm import fade, silence, to_pcm16
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, SpeechChunk, SpeechRequest, Voice
from stream_talk.engines.interruptible import RunCancelled
from stream_talk.text.word_times import Phoneme, timed_words, words_of_sentences

from .mlx_backend import MlxBackend
from .onnx_backend import OnnxBackend
from .options import KokoroOptions

EDGE_MS = 5.0
# The first letter of a voice's name is its language.
LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "cmn",
}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SENTENCE = re.compile(r".+?(?:[.!?…]+(?=\s)|[。！？]+|$)", re.DOTALL)


class KokoroEngine:
    sample_rate_hz = 24000

    def __init__(self, **options: Any) -> None:
        self._options = KokoroOptions(**options)
        self._backend: OnnxBackend | MlxBackend | None = None

    def load(self) -> None:
        if self._backend is not None:
            return
        backend = MlxBackend(self._options) if self._options.backend == "mlx" else OnnxBackend(self._options)
        backend.load()
        known = backend.voice_names()
        if known and self._options.voice not in known:
            raise EngineUnavailable(f"Kokoro has no voice {self._options.voice!r}", f"write one of: {', '.join(known)}")
        self._backend = backend

    def warm_up(self) -> None:
        for text in ("Ready.", "A longer sentence, so that the next one is not slow."):
            for _ in self.speak(SpeechRequest(text), _NEVER):
                pass

    def close(self) -> None:
        self._backend = None

    def voices(self) -> Sequence[Voice]:
        self.load()
        assert self._backend is not None
        return [Voice(name, language_of(name), "Kokoro") for name in self._backend.voice_names()]

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        self.load()
        assert self._backend is not None
        voice, lang, rate = self._for_request(request.options)
        pause_due = not request.first_of_reply and self._options.clause_pause_ms > 0
        sentences, at_ms = sentences_of(request.text), 0.0
        words = words_of_sentences(
            " ".join(sentences), [self._backend.groups(sentence, lang) for sentence in sentences]
        )
        for index, sentence in enumerate(sentences):
            if cancel.cancelled:
                return
            if pause_due:
                at_ms += self._options.clause_pause_ms
                yield SpeechChunk(silence(self._options.clause_pause_ms, self.sample_rate_hz))
            try:
                samples = self._backend.render(sentence, voice, lang, rate, cancel)
            except RunCancelled:
                return
            if len(samples):
                pcm = fade(to_pcm16(samples), self.sample_rate_hz, in_ms=EDGE_MS, out_ms=EDGE_MS)
                timed = timed_words(words[index], later(self._backend.phonemes, at_ms)) if words else []
                at_ms += len(pcm) * 1000.0 / self.sample_rate_hz
                yield SpeechChunk(pcm, timed)
                pause_due = self._options.clause_pause_ms > 0

    def _for_request(self, options: dict[str, Any]) -> tuple[str, str, float]:
        """A voice that does not exist is not taken: a live setting must not silence the reply."""
        assert self._backend is not None
        voice = str(options.get("voice") or self._options.voice)
        if voice not in self._backend.voice_names() and self._backend.voice_names():
            voice = self._options.voice
        rate = float(options.get("rate") or self._options.rate)
        return voice, self._options.lang or language_of(voice), min(max(rate, 0.5), 2.0)


class _Never:
    cancelled = False


_NEVER = _Never()


def later(phonemes: Sequence[Phoneme], by_ms: float) -> list[Phoneme]:
    return [Phoneme(p.sign, p.start_ms + by_ms, p.end_ms + by_ms) for p in phonemes]


def language_of(voice: str) -> str:
    return LANGUAGES.get(voice[:1], "en-us")


def sentences_of(text: str) -> list[str]:
    """Those with something to say, without characters that no phonemizer takes."""
    clean = _CONTROL.sub(" ", text)
    return [s.strip() for s in _SENTENCE.findall(clean) if any(char.isalnum() for char in s)]
