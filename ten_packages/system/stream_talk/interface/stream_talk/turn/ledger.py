"""The heard ledger of one reply: text span <-> time in its audio <-> played or not.

It is fed with three things, in any order: the text given to the synthesiser, what the synthesiser says about times
(`tts_text_result`), and how far the loudspeaker got (`playout_report`). It answers what was heard, what was not, how sure
that is, and where a resume should begin.

How text is placed in time, best source first, and the error bound that goes with it:

| source | a word counts as heard when | bound |
|---|---|---|
| word times from the engine | half of it was played | half the word's duration |
| the clause's start and duration | its share of the clause, by spoken length, was played | a quarter of the clause |
| nothing yet | its share at the usual speaking rate was played | 300 ms + 30 % of the stretch |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stream_talk.turn.words import is_cjk, spoken_duration_ms

_FINISH_SLACK_MS = 40  # loudspeakers report in frames: the last one may be missing
_TRAILING = ".!?。！？…\"'”’)）」』"  # belongs to the word before it
_BETWEEN = " \n,，、;；:："
_SEARCH_AHEAD = 48  # characters in which a spoken word is looked for; numbers are often read out differently


@dataclass(frozen=True, slots=True)
class Heard:
    text: str
    unheard: str
    error_bound_ms: int
    complete: bool


@dataclass(frozen=True, slots=True)
class _Mark:
    """Characters [char_start, char_end) sound from start_ms to end_ms."""

    char_start: int
    char_end: int
    start_ms: float
    end_ms: float
    word: bool


class ReplyLedger:
    def __init__(self) -> None:
        self.spoken = ""
        self.played_ms = 0.0
        self.total_ms: float | None = None  # known once the synthesiser has ended
        self.text_complete = False
        self._marks: list[_Mark] = []
        self._word_cursor = 0
        self._clause_cursor = 0

    # --- feeding -----------------------------------------------------------------------------------------------------

    def add_text(self, clause: str) -> None:
        """A clause was given to the synthesiser."""
        if self.spoken and clause and not self.spoken[-1].isspace() and not clause[0].isspace():
            self.spoken += "" if is_cjk(clause[0]) or is_cjk(self.spoken[-1]) else " "
        self.spoken += clause

    def add_result(
        self, text: str, start_ms: float, duration_ms: float, words: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """The synthesiser said when something sounds. Times count from the first sample of the request."""
        placed = False
        for word in words:
            placed |= self._place_word(str(word["word"]), float(word["start_ms"]), float(word["duration_ms"]))
        if placed:
            self._clause_cursor = max(self._clause_cursor, self._word_cursor)
        elif text.strip() and duration_ms > 0:
            self._place_clause(text.strip(), start_ms, duration_ms)

    def played(self, played_ms: float) -> None:
        self.played_ms = played_ms

    def ended(self, total_ms: float) -> None:
        self.total_ms = total_ms

    def _place_word(self, word: str, start_ms: float, duration_ms: float) -> bool:
        bare = word.strip()
        if not bare:
            return False
        window = self.spoken[self._word_cursor : self._word_cursor + _SEARCH_AHEAD + len(bare)]
        offset = window.casefold().find(bare.casefold())
        if offset < 0:
            return False
        start = self._word_cursor + offset
        self._word_cursor = start + len(bare)
        self._marks.append(_Mark(start, self._word_cursor, start_ms, start_ms + duration_ms, word=True))
        return True

    def _place_clause(self, text: str, start_ms: float, duration_ms: float) -> None:
        offset = self.spoken.find(text, self._clause_cursor)
        start = offset if offset >= 0 else self._clause_cursor
        end = min(len(self.spoken), start + len(text))
        if end <= start:
            return
        self._clause_cursor = self._word_cursor = end
        self._marks.append(_Mark(start, end, start_ms, start_ms + duration_ms, word=False))

    # --- asking ------------------------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Everything that there is to hear was heard."""
        return self.text_complete and self.total_ms is not None and self.played_ms >= self.total_ms - _FINISH_SLACK_MS

    @property
    def expected_ms(self) -> float:
        """Length of the whole spoken text, measured as far as known and estimated beyond."""
        if self.total_ms is not None:
            return self.total_ms
        if not self._marks:
            return spoken_duration_ms(self.spoken)
        last = self._marks[-1]
        return last.end_ms + spoken_duration_ms(self.spoken[last.char_end :])

    def heard(self, played_ms: float | None = None) -> Heard:
        """What was heard up to now, or up to `played_ms` of the audio."""
        position = self.played_ms if played_ms is None else min(played_ms, self.played_ms)
        if played_ms is None and self.complete:
            return Heard(self.spoken.strip(), "", 0, complete=True)
        chars, bound = self._chars_at(position)
        chars = self._with_trailing(chars)
        return Heard(
            self.spoken[:chars].strip(), self.spoken[chars:].lstrip(_BETWEEN).rstrip(), round(bound), complete=False
        )

    def resume_ms(self) -> float:
        """Where to go on after a pause: the beginning of the word, phrase or breath that was broken."""
        position = self.played_ms
        for mark in reversed(self._marks):
            if mark.start_ms <= position < mark.end_ms:
                return mark.start_ms if mark.word else max(mark.start_ms, position - 300.0)
            if mark.end_ms <= position:
                in_a_pause = mark is not self._marks[-1] or position - mark.end_ms < 150
                return position if in_a_pause else max(mark.end_ms, position - 300.0)
        return max(0.0, position - 300.0)

    def _chars_at(self, position: float) -> tuple[int, float]:
        heard, bound, reached_ms = 0, 0.0, 0.0
        for mark in self._marks:
            if position < mark.start_ms:
                return heard, bound
            if position >= mark.end_ms:
                heard, bound, reached_ms = (
                    mark.char_end,
                    (mark.end_ms - mark.start_ms) / 2 if mark.word else 0.0,
                    mark.end_ms,
                )
                continue
            share = (position - mark.start_ms) / (mark.end_ms - mark.start_ms)
            if mark.word:
                return (mark.char_end if share >= 0.5 else heard), (mark.end_ms - mark.start_ms) / 2
            inside = self._share_of(self.spoken[mark.char_start : mark.char_end], share)
            return mark.char_start + inside, (mark.end_ms - mark.start_ms) / 4
        return self._beyond_marks(heard, position - reached_ms, bound)

    def _beyond_marks(self, heard: int, extra_ms: float, bound: float) -> tuple[int, float]:
        rest = self.spoken[heard:]
        if not rest.strip() or extra_ms <= 0:
            return heard, bound
        if self._marks and self._marks[-1].word and extra_ms < 150:
            return heard, bound  # the pause after a word, not the next one
        expected = self.total_ms - (self.played_ms - extra_ms) if self.total_ms else spoken_duration_ms(rest)
        share = min(1.0, extra_ms / max(1.0, expected))
        return heard + self._share_of(rest, share), 300.0 + 0.3 * extra_ms

    @staticmethod
    def _share_of(text: str, share: float) -> int:
        """Characters of `text` said after this share of its time, rounded down to a whole word."""
        target = share * spoken_duration_ms(text)
        said, boundary = 0.0, 0
        for index, character in enumerate(text):
            if said > target:
                return boundary
            if is_cjk(character) or (index and not character.isalnum() and text[index - 1].isalnum()):
                boundary = index
            said += spoken_duration_ms(character)
        return len(text) if share >= 1.0 else boundary

    def _with_trailing(self, chars: int) -> int:
        while 0 < chars < len(self.spoken) and self.spoken[chars] in _TRAILING:
            chars += 1
        return chars
