"""Word times from phoneme times, for voices that know how long each phoneme lasts.

Phonemes come in groups between spaces, mostly one per written word. Where a voice reads "3.14" as three words or "of the" as one,
nobody knows which group is which word, and no times are better than wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stream_talk.engines.interfaces import Word
from stream_talk.text.units import split_words


@dataclass(frozen=True, slots=True)
class Phoneme:
    sign: str
    start_ms: float
    end_ms: float


def spoken_groups(phonemes: Iterable[str]) -> int:
    """How many words these phonemes are."""
    return sum(any(sign.isalpha() for sign in group) for group in "".join(phonemes).split())


def words_of_sentences(text: str, groups: Sequence[int]) -> list[list[str]]:
    """The words of each spoken sentence, or nothing when the voice reads another number of words than are written."""
    words = split_words(text)
    if sum(groups) != len(words):
        return []
    ends = [sum(groups[: index + 1]) for index in range(len(groups))]
    return [words[end - count : end] for end, count in zip(ends, groups, strict=True)]


def timed_words(words: Sequence[str], phonemes: Iterable[Phoneme]) -> list[Word]:
    spans: list[list[float]] = []
    inside = False
    for phoneme in phonemes:
        if phoneme.sign.isspace():
            inside = False
        elif any(char.isalpha() for char in phoneme.sign):
            if inside:
                spans[-1][1] = phoneme.end_ms
            else:
                spans.append([phoneme.start_ms, phoneme.end_ms])
                inside = True
    if len(spans) != len(words):
        return []
    return [
        Word(word, round(start_ms), max(1, round(end_ms - start_ms)))
        for word, (start_ms, end_ms) in zip(words, spans, strict=True)
    ]
