"""Which words of a changing hypothesis will stay.

pocketsphinx rewrites its tail about 20 times per utterance. A word becomes stable when it and everything before it have
been the same for `HELD_MS` of audio and the recogniser has heard `PAST_MS` beyond it. A stable word is never taken back:
where a later hypothesis differs, the stable words stand and the hypothesis continues after their end.
"""

from __future__ import annotations

from collections.abc import Sequence

from stream_talk.engines.interfaces import Word

HELD_MS = 900
PAST_MS = 500
_OVERLAP_MS = 50


class StablePrefix:
    """One per utterance."""

    def __init__(self) -> None:
        self._kept: list[Word] = []
        self._seen: list[tuple[str, int]] = []  # the word, and since when it stands there

    def __len__(self) -> int:
        return len(self._kept)

    def update(self, hypothesis: Sequence[Word], now_ms: int) -> bool:
        """Take the newest hypothesis; True when more words became stable."""
        words = self.applied_to(hypothesis)
        same = 0
        for (text, _), word in zip(self._seen, words, strict=False):
            if text != word.text:
                break
            same += 1
        self._seen = self._seen[:same] + [(word.text, now_ms) for word in words[same:]]
        before = len(self._kept)
        for word, (_, since_ms) in list(zip(words, self._seen, strict=True))[before:]:
            if now_ms - since_ms < HELD_MS or now_ms - word.start_ms - word.duration_ms < PAST_MS:
                break
            self._kept.append(Word(word.text, word.start_ms, word.duration_ms, stable=True))
        return len(self._kept) > before

    def applied_to(self, hypothesis: Sequence[Word]) -> list[Word]:
        """The hypothesis with its stable part as promised."""
        kept = len(self._kept)
        if [word.text for word in hypothesis[:kept]] == [word.text for word in self._kept]:
            return [*self._kept, *hypothesis[kept:]]
        end_ms = self._kept[-1].start_ms + self._kept[-1].duration_ms
        return [*self._kept, *(word for word in hypothesis if word.start_ms >= end_ms - _OVERLAP_MS)]
