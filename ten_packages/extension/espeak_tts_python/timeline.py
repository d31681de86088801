"""Words and mouth shapes, with times, from espeak's events as they come.

espeak names the character where a spoken word begins, but it speaks "$3.14" as five words and "你好" as one. What a
listener counts as a word is decided here, from the text: runs without spaces, and single Chinese characters. Events are
gathered into those; words that espeak swallowed share the time of the one that covers them, by length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from stream_talk.engines.interfaces import Viseme, Word

from .library import EVENT_WORD, SpeechEvent
from .visemes import is_language_switch, is_pause, viseme_of

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff"
_CLOSING = r"[，。！？；：、）”’》」』…,.!?;:)\"'\]]*"
_TOKEN = re.compile(rf"[{_CJK}]{_CLOSING}|[^\s{_CJK}]+")
_SPOKEN = re.compile(r"\w")


@dataclass
class _Token:
    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(text):
        if _SPOKEN.search(match.group()) or not found:
            found.append(_Token(match.group(), match.start(), match.end()))
        else:  # a dash or quote on its own belongs to the word before it
            found[-1].end = match.end()
    return [token for token in found if _SPOKEN.search(token.text)]


class Timeline:
    """One per synthesised text. Feed events in order; take what is complete; `finish` gives the rest."""

    def __init__(self, text: str, *, offset_ms: int = 0, lead_ms: int = 0) -> None:
        self._tokens = tokens_of(text)
        self._offset_ms = offset_ms
        self._lead_ms = lead_ms  # silence cut from the front of the audio
        self._next_token = 0
        self._open_token: int | None = None
        self._open_start_ms = 0
        self._voice_end_ms: int | None = None
        self._open_phoneme: SpeechEvent | None = None
        self._words: list[Word] = []
        self._visemes: list[Viseme] = []

    def feed(self, events: Iterable[SpeechEvent]) -> None:
        for event in events:
            if event.kind == EVENT_WORD:
                self._word(event)
            else:
                self._phoneme(event)

    def take(self) -> tuple[list[Word], list[Viseme]]:
        words, visemes = self._words, self._visemes
        self._words, self._visemes = [], []
        return words, visemes

    def finish(self, end_ms: int) -> None:
        self._close_phoneme(end_ms)
        self._close_words(len(self._tokens), self._voice_end_ms if self._voice_end_ms is not None else end_ms)

    def _word(self, event: SpeechEvent) -> None:
        index = self._token_at(event.position)
        if index is None or (self._open_token is not None and index <= self._open_token):
            self._voice_end_ms = None  # another part of the same word: "$3.14"
            return
        self._close_words(index, self._voice_end_ms if self._voice_end_ms is not None else event.audio_ms)
        self._open_token = index
        self._open_start_ms = event.audio_ms
        self._voice_end_ms = None

    def _token_at(self, position: int) -> int | None:
        for index in range(self._open_token or 0, len(self._tokens)):
            if position < self._tokens[index].end:
                return index
        return None

    def _close_words(self, before: int, end_ms: int) -> None:
        """Give out the tokens from the first not yet told up to `before`; they share the open time by their length."""
        group = self._tokens[self._next_token : before]
        if not group or self._open_token is None:
            return
        self._next_token = before
        total = sum(len(token.text) for token in group)
        start_ms, done = self._open_start_ms, 0
        for token in group:
            begin_ms = start_ms + (end_ms - start_ms) * done // total
            done += len(token.text)
            finish_ms = start_ms + (end_ms - start_ms) * done // total
            self._words.append(Word(token.text, self._at(begin_ms), max(1, self._at(finish_ms) - self._at(begin_ms))))

    def _phoneme(self, event: SpeechEvent) -> None:
        if is_language_switch(event.phoneme):
            return
        self._close_phoneme(event.audio_ms)
        self._open_phoneme = event
        if is_pause(event.phoneme) and event.phoneme != "_|":
            if self._voice_end_ms is None:
                self._voice_end_ms = event.audio_ms
        else:
            self._voice_end_ms = None

    def _close_phoneme(self, end_ms: int) -> None:
        phoneme, self._open_phoneme = self._open_phoneme, None
        if phoneme is None or end_ms <= phoneme.audio_ms or phoneme.phoneme == "_|":
            return
        viseme = viseme_of(phoneme.phoneme)
        name = "" if viseme == "sil" else phoneme.phoneme.strip("',%=\"")
        start_ms = self._at(phoneme.audio_ms)
        if (duration_ms := self._at(end_ms) - start_ms) > 0:
            self._visemes.append(Viseme(viseme, name, start_ms, duration_ms))

    def _at(self, audio_ms: int) -> int:
        return self._offset_ms + max(0, audio_ms - self._lead_ms)
