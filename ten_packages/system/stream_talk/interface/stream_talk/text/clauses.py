"""Cuts a stream of text into clauses worth speaking, while the tokens arrive.

A clause ends at its punctuation mark, as soon as the mark is there, unless the mark may turn out to be something else; then the
next character decides:

| mark | ends a clause | waits for the next character | never |
|---|---|---|---|
| `! ? ;` and all CJK stops, line break | at once | inside a URL or e-mail address | |
| `.` | after a plain word | after a digit (3.14), initials, `etc.`, `No.`, names of sites and files | after `Dr.`, `e.g.`, list numbers |
| `, :` and CJK commas, dashes | at once, when enough is pending | after a digit (1,000 and 10:30), after `http` | |

Text is cut at `max_chars` at the latest. The marks that directly follow a clause's end (`?!`, `...`, closing quotes) belong to nobody: a
voice has nothing to say for them, and waiting for them would cost a token's time at every sentence.

However the text is cut into tokens, the clauses are the same, with one exception that the early decision buys: a token that ends
exactly behind a dot inside a word (`exam|ple.|org`) ends a clause, because it looks like a full stop. Language models do not cut there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from stream_talk.text.lexicon import ABBREVIATIONS, BEFORE_NUMBERS, MAY_END_SENTENCE, SITE_WORDS, URL_SCHEMES
from stream_talk.text.units import is_cjk

_STRONG = frozenset("!?;\n。！？；…｡")
_CJK_STRONG = frozenset("。！？；…｡\n")
_WEAK = frozenset(",:，、：—–")
_PLAIN = re.compile(r"[A-Za-z0-9 ]+")  # taken in one piece: no mark, nothing to decide
_RUN = frozenset(".,!?;:\"')]}»”’）」』】》…。！？；，、~")


@dataclass(frozen=True, slots=True)
class ClauseRules:
    """A comma ends a clause only when this much is pending: a short clause costs a synthesis call and sounds chopped."""

    min_chars_at_comma: int = 10
    min_cjk_at_comma: int = 6
    max_chars: int = 120
    max_cjk: int = 40


@dataclass(frozen=True, slots=True)
class Clause:
    """Text to speak, and where it stands in the fed text: characters [start, end)."""

    text: str
    start: int
    end: int


class _Cut(Enum):
    NO = 0
    NOW = 1
    IF_SPACE_FOLLOWS = 2
    IF_CAPITAL_FOLLOWS = 3
    UNLESS_NUMBER_FOLLOWS = 4


class ClauseSplitter:
    def __init__(self, rules: ClauseRules | None = None) -> None:
        self._rules = rules or ClauseRules()
        self._pending = ""
        self._pending_cjk = 0
        self._start = 0  # where the pending text begins in everything fed so far
        self._waiting = _Cut.NO
        self._cut_at = 0  # length of the pending text that a confirmed wait would end
        self._after_cut = False  # still in the run of marks behind the last cut

    @property
    def pending(self) -> str:
        """Text that no clause has taken yet."""
        return self._pending

    def feed(self, text: str) -> list[Clause]:
        """Take some more text; returns the clauses it completed."""
        clauses: list[Clause] = []
        i, end = 0, len(text)
        while i < end:
            if self._waiting is _Cut.NO and not self._after_cut:
                plain = _PLAIN.match(text, i)
                if plain is not None and len(self._pending) + plain.end() - i < self._rules.max_chars:
                    self._pending += plain.group()
                    i = plain.end()
                    continue
            self._take(text[i], text[i + 1] if i + 1 < end else "", clauses)
            i += 1
        return clauses

    def finish(self) -> list[Clause]:
        """The text is complete: whatever is pending is the last clause. The splitter is then as new, but counts on."""
        clauses: list[Clause] = []
        self._emit(len(self._pending), clauses)
        self._after_cut = False
        return clauses

    def _take(self, char: str, following: str, clauses: list[Clause]) -> None:
        if self._after_cut:
            if char in _RUN:
                self._start += 1
                return
            self._after_cut = False
        if self._waiting is not _Cut.NO:
            self._settle(char, clauses)
        self._pending += char
        if is_cjk(char):
            self._pending_cjk += 1
        cut = self._judge(char, following)
        if cut is _Cut.NOW:
            self._emit(len(self._pending), clauses)
            self._after_cut = True
        elif cut is not _Cut.NO:
            self._waiting, self._cut_at = cut, len(self._pending)
        else:
            self._cut_long(clauses)

    def _settle(self, char: str, clauses: list[Clause]) -> None:
        """A mark was ambiguous; `char` is what follows it."""
        if self._waiting is _Cut.IF_SPACE_FOLLOWS:
            ends = char.isspace() or is_cjk(char)
        elif char.isspace() and char != "\n":
            return
        elif self._waiting is _Cut.IF_CAPITAL_FOLLOWS:
            ends = char.isupper() or is_cjk(char)
        else:
            ends = not char.isdigit()
        self._waiting = _Cut.NO
        if ends:
            self._emit(self._cut_at, clauses)

    def _judge(self, char: str, following: str) -> _Cut:
        if char == ".":
            return self._judge_dot(following)
        if char in _STRONG:
            if char not in _CJK_STRONG and _is_address(self._word()):
                return _Cut.IF_SPACE_FOLLOWS
            return _Cut.NOW if _speakable(self._pending) else _Cut.NO
        if char in _WEAK and self._long_enough():
            return self._judge_weak()
        return _Cut.NO

    def _judge_dot(self, following: str) -> _Cut:
        word = self._word()[:-1].lstrip("\"'([{“‘「")
        low = word.lower()
        if not word or low in ABBREVIATIONS:
            return _Cut.NO if word else self._dot_alone()
        if low in MAY_END_SENTENCE or (len(word) == 1 and word.isalpha() and not is_cjk(word)):
            return _Cut.IF_CAPITAL_FOLLOWS if low in MAY_END_SENTENCE else _Cut.NO
        if word.isdigit() and self._pending.strip() == word + ".":
            return _Cut.NO  # "1." of a list
        if low in BEFORE_NUMBERS and not (word.islower() and low == "no") and self._pending.strip() != "No.":
            return _Cut.UNLESS_NUMBER_FOLLOWS
        if "." in word or _is_address(word) or low in SITE_WORDS or not (word[-1].isalpha() or word[-1] in ")]}\"'”’"):
            return _Cut.IF_SPACE_FOLLOWS
        if following.isascii() and following.isalnum():
            return _Cut.NO  # main.py, end.Next
        return _Cut.NOW

    def _dot_alone(self) -> _Cut:
        """A dot behind white space: the end of what precedes it, unless it begins a number such as .5."""
        return _Cut.IF_SPACE_FOLLOWS if _speakable(self._pending) else _Cut.NO

    def _judge_weak(self) -> _Cut:
        before = self._pending[-2:-1]
        if before.isdigit() and self._pending[-1] in ",:":
            return _Cut.IF_SPACE_FOLLOWS
        word = self._word()
        if word[:-1].lower() in URL_SCHEMES or (self._pending[-1] in ",:" and _is_address(word)):
            return _Cut.IF_SPACE_FOLLOWS
        return _Cut.NOW

    def _long_enough(self) -> bool:
        cjk = self._pending_cjk
        if cjk >= self._rules.min_cjk_at_comma:
            return True
        return sum(1 for char in self._pending if char.isalnum()) + cjk >= self._rules.min_chars_at_comma

    def _cut_long(self, clauses: list[Clause]) -> None:
        cjk = self._pending_cjk
        if len(self._pending) < self._rules.max_chars and cjk < self._rules.max_cjk:
            return
        space = self._pending.rstrip().rfind(" ")
        if space > 0 and cjk < self._rules.max_cjk:
            self._emit(space + 1, clauses)
        elif cjk >= self._rules.max_cjk:
            self._emit(len(self._pending), clauses)
        elif len(self._pending) >= 4 * self._rules.max_chars:
            self._emit(len(self._pending), clauses)  # one endless word

    def _emit(self, length: int, clauses: list[Clause]) -> None:
        raw, self._pending = self._pending[:length], self._pending[length:]
        self._pending_cjk = sum(1 for char in self._pending if is_cjk(char)) if self._pending_cjk else 0
        self._waiting = _Cut.NO
        text = raw.strip()
        if _speakable(text):
            lead = len(raw) - len(raw.lstrip())
            clauses.append(Clause(text, self._start + lead, self._start + lead + len(text)))
        self._start += len(raw)

    def _word(self) -> str:
        """What stands between the last white space or CJK sign and the end of the pending text, mark included."""
        tail = self._pending
        i = len(tail)
        while i > 0 and not tail[i - 1].isspace() and not is_cjk(tail[i - 1]) and tail[i - 1] not in _CJK_STRONG:
            i -= 1
        return tail[i:]


def _is_address(word: str) -> bool:
    low = word.lower()
    return "://" in low or low.startswith(("www.", "mailto:", "tel:")) or "@" in low.strip("@")


def _speakable(text: str) -> bool:
    return any(char.isalnum() for char in text)
