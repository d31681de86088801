"""May a reply be drafted before the turn is over, and what did drafting cost?

A draft is an LLM answer (and its first clause of speech, held back) to words that may still change. Rules:

1. After the voice has stopped, one draft per version of the words; while it still sounds, only when the words look finished
   and have not changed for `stable_ms`.
2. At most `max_drafts` per turn, and none once `max_wasted_ms` of engine time were wasted within the last minute.
3. A draft is used only when the committed words are the drafted words. Otherwise it leaves no trace: the caller drops its
   sound, its text and its tool calls; here only the numbers stay.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from stream_talk.turn.words import same_words


@dataclass(frozen=True, slots=True)
class SpeculationBudget:
    max_drafts: int = 3
    max_wasted_ms: float = 10_000.0
    min_finished_in_speech: float = 0.8
    min_finished_in_pause: float = 0.15
    stable_ms: float = 200.0


@dataclass(slots=True)
class SpeculationStats:
    hits: int = 0
    misses: int = 0
    retracted: int = 0
    wasted_ms: float = 0.0
    saved_ms: float = 0.0

    def as_dict(self) -> dict[str, int]:
        return {
            "hits": self.hits,
            "misses": self.misses,
            "retracted": self.retracted,
            "wasted_ms": round(self.wasted_ms),
            "saved_ms": round(self.saved_ms),
        }


class Speculation:
    """The decisions and the accounts of one session. At most one draft is open at a time."""

    def __init__(self, budget: SpeculationBudget) -> None:
        self._budget = budget
        self.stats = SpeculationStats()
        self.drafted_text: str | None = None
        self._draft_started_ms = 0.0
        self._drafts_this_turn = 0
        self._waste: deque[tuple[float, float]] = deque()
        self._words: tuple[str, ...] = ()
        self._unchanged_since_ms = 0.0

    def new_turn(self) -> None:
        self._drafts_this_turn = 0
        self._words = ()

    def heard(self, words: tuple[str, ...], now_ms: float) -> None:
        """The words so far (`words.words_of`), final or not."""
        if words != self._words:
            self._words = words
            self._unchanged_since_ms = now_ms

    def should_draft(self, text: str, finished: float, now_ms: float, *, in_pause: bool) -> bool:
        budget = self._budget
        if (
            not self._words
            or self._drafts_this_turn >= budget.max_drafts
            or self._wasted(now_ms) > budget.max_wasted_ms
        ):
            return False
        if self.drafted_text is not None and same_words(self.drafted_text, text):
            return False
        if in_pause:
            return finished >= budget.min_finished_in_pause
        return finished >= budget.min_finished_in_speech and now_ms >= self.stable_at_ms

    @property
    def stable_at_ms(self) -> float:
        """When the present words will have been unchanged long enough."""
        return self._unchanged_since_ms + self._budget.stable_ms

    def opened(self, text: str, now_ms: float) -> None:
        self.drafted_text = text
        self._draft_started_ms = now_ms
        self._drafts_this_turn += 1

    def matches(self, text: str) -> bool:
        return self.drafted_text is not None and same_words(self.drafted_text, text)

    def hit(self, now_ms: float) -> None:
        self.stats.hits += 1
        self.stats.saved_ms += now_ms - self._draft_started_ms
        self.drafted_text = None

    def miss(self, now_ms: float) -> None:
        """The turn was committed with other words."""
        self.stats.misses += 1
        self._wasted_draft(now_ms)

    def retract(self, now_ms: float) -> None:
        """The person went on, or took it back."""
        self.stats.retracted += 1
        self._wasted_draft(now_ms)

    def _wasted_draft(self, now_ms: float) -> None:
        cost = now_ms - self._draft_started_ms
        self.stats.wasted_ms += cost
        self._waste.append((now_ms, cost))
        self.drafted_text = None

    def _wasted(self, now_ms: float) -> float:
        while self._waste and self._waste[0][0] < now_ms - 60_000.0:
            self._waste.popleft()
        return sum(cost for _, cost in self._waste)
