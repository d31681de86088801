"""Speech that machines can check: every word of a vocabulary is a tone of its own loudness.

What a synthetic person says can be recognised exactly, and what came out of a loudspeaker can be read back word by word,
through the whole audio path, without any model. Samples must keep their rate and level on the way (no resampling, no gain).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from stream_talk.engines.interfaces import CancelToken, Pcm16, SpeechChunk, SpeechRequest, Transcript, Voice, Word
from stream_talk.text.units import split_words

RATE = 16000
WORD_MS = 240
GAP_MS = 20  # between words; much shorter than any detector's patience
_BASE, _STEP = 2000, 50
_HALF_PERIOD = 40  # samples: a square wave of 200 Hz, so that every 10 ms hold the full level


def bare(word: str) -> str:
    """A word as it is compared: without punctuation and case."""
    return "".join(character for character in word.casefold() if character.isalnum() or character in "'-")


class WordCode:
    """A vocabulary of at most 600 words, and its sounds."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._words = list(dict.fromkeys(bare(word) for text in vocabulary for word in split_words(text)))
        self._index = {word: i for i, word in enumerate(self._words)}

    def encode(self, text: str) -> Pcm16:
        parts = [self.word(word) for word in split_words(text)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)

    def word(self, word: str) -> Pcm16:
        level = _BASE + _STEP * (self._index[bare(word)] + 1)
        return _sound(level, WORD_MS)

    def noise(self, duration_ms: int) -> Pcm16:
        """A cough: loud, but no word."""
        return _sound(_BASE, duration_ms)

    def decode(self, pcm: Pcm16, *, min_ms: int = WORD_MS // 2) -> list[str]:
        """The words of which at least `min_ms` are there at full level."""
        found = []
        for level, length_ms in _runs(pcm):
            index = round((level - _BASE) / _STEP) - 1
            exact = abs(level - _BASE - _STEP * (index + 1)) <= 2
            if exact and 0 <= index < len(self._words) and length_ms >= min_ms:
                found.append(self._words[index])
        return found


def _sound(level: int, duration_ms: int) -> Pcm16:
    samples = RATE * duration_ms // 1000
    signs = np.where(np.arange(samples) // _HALF_PERIOD % 2 == 0, 1, -1)
    return np.concatenate([(signs * level).astype(np.int16), np.zeros(RATE * GAP_MS // 1000, dtype=np.int16)])


def _runs(pcm: Pcm16) -> Iterator[tuple[int, int]]:
    """(level, duration in ms) of the stretches of constant level; silence separates and is left out."""
    levels = np.abs(pcm.astype(np.int32))
    if not len(levels):
        return
    edges = np.flatnonzero(np.diff(levels)) + 1
    bounds = np.concatenate([[0], edges, [len(levels)]])
    for start, end in itertools.pairwise(bounds):
        if levels[start] >= _BASE // 2:
            yield int(levels[start]), int((end - start) * 1000 // RATE)


class CodedAsr:
    """Recognises coded speech: partials word by word, the final at the finish."""

    interleaves = True
    sample_rate_hz = RATE

    def __init__(self, vocabulary: Sequence[str] = (), language: str = "en-US") -> None:
        self._code = WordCode(vocabulary)
        self._language = language
        self._segments: dict[str, tuple[list[Pcm16], list[str]]] = {}

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing is slow here."""

    def close(self) -> None:
        self._segments.clear()

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        self._segments[segment_id] = ([], [])

    def feed(self, segment_id: str, pcm: Pcm16) -> Iterable[Transcript]:
        chunks, known = self._segments[segment_id]
        if not pcm.any() and not chunks:
            return []
        chunks.append(pcm.copy())
        words = self._code.decode(np.concatenate(chunks), min_ms=WORD_MS - 10)
        if words == known:
            return []
        self._segments[segment_id] = (chunks, words)
        return [self._transcript(words, final=False)]

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Transcript]:
        chunks, _ = self._segments.pop(segment_id, ([], []))
        yield self._transcript(self._code.decode(np.concatenate(chunks)) if chunks else [], final=True)

    def drop(self, segment_id: str) -> None:
        self._segments.pop(segment_id, None)

    def _transcript(self, words: list[str], *, final: bool) -> Transcript:
        step = WORD_MS + GAP_MS
        timed = [Word(word, i * step, WORD_MS) for i, word in enumerate(words)]
        joined = " ".join(words) if self._language.startswith("en") else "".join(words)
        return Transcript(joined, final, 0, max(1, len(words) * step), self._language, timed)


class CodedTts:
    """Speaks coded speech, with word times, in chunks of one word."""

    interleaves = True
    sample_rate_hz = RATE

    def __init__(self, vocabulary: Sequence[str] = (), gives_words: bool = True) -> None:
        self._code = WordCode(vocabulary)
        self._gives_words = gives_words

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing is slow here."""

    def close(self) -> None:
        """Holds nothing."""

    def voices(self) -> list[Voice]:
        return [Voice("coded", "en-US", "a square wave")]

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        at_ms = 0
        for word in split_words(request.text):
            if cancel.cancelled:
                return
            timed = [Word(word, at_ms, WORD_MS)] if self._gives_words else []
            yield SpeechChunk(self._code.word(word), timed)
            at_ms += WORD_MS + GAP_MS
