"""Shown text in, clauses to speak out, each with its place in the shown text. The filter and the splitter in one."""

from __future__ import annotations

from stream_talk.text.clauses import Clause, ClauseRules, ClauseSplitter
from stream_talk.text.speakable import SpeakableFilter


class SpokenClauses:
    """Like `ClauseSplitter`, for text as a model writes it: `start` and `end` of a clause are positions in the shown text."""

    def __init__(self, rules: ClauseRules | None = None, *, starts_in_reasoning: bool = False) -> None:
        self._filter = SpeakableFilter(starts_in_reasoning=starts_in_reasoning)
        self._splitter = ClauseSplitter(rules)

    @property
    def pending(self) -> str:
        """Spoken text that no clause has taken yet."""
        return self._splitter.pending

    def feed(self, text: str) -> list[Clause]:
        return self._located(self._splitter.feed(self._filter.feed(text)))

    def finish(self) -> list[Clause]:
        clauses = self._splitter.feed(self._filter.finish())
        return self._located([*clauses, *self._splitter.finish()])

    def _located(self, clauses: list[Clause]) -> list[Clause]:
        source = self._filter.source
        return [Clause(c.text, source[c.start], source[c.end - 1] + 1) for c in clauses]
