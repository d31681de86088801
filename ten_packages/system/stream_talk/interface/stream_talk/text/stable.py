"""Which words of a partial transcript will stay: those that the last two partials agree on."""

from __future__ import annotations

from stream_talk.engines.interfaces import Word
from stream_talk.text.units import split_words


class StablePrefix:
    """One per segment. A word that was called stable stays so as long as the text does not contradict it."""

    def __init__(self) -> None:
        self._last: list[str] = []
        self._stable = 0

    def mark(self, text: str, duration_ms: int) -> list[Word]:
        """The words of a partial with their `stable` flags; times are spread evenly, for engines that give none."""
        words = split_words(text)
        agreed = _common(words, self._last)
        self._stable = min(len(words), max(agreed, _common(words, self._last[: self._stable])))
        self._last = words
        return [
            Word(word, start, length, stable=i < self._stable)
            for i, (word, start, length) in enumerate(spread_evenly(words, duration_ms))
        ]


def spread_evenly(words: list[str], duration_ms: int) -> list[tuple[str, int, int]]:
    """(word, start, duration), by length of the words."""
    total = sum(len(word) for word in words) or 1
    placed: list[tuple[str, int, int]] = []
    before = 0
    for word in words:
        start = before * duration_ms // total
        before += len(word)
        placed.append((word, start, max(1, before * duration_ms // total - start)))
    return placed


def _common(one: list[str], other: list[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
