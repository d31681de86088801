"""Drafts: answering words that may still change, within a budget, and without a trace when they do."""

from __future__ import annotations

from collections.abc import Callable

from stream_talk.turn.speculation import Speculation, SpeculationBudget

from .config import MainControlConfig
from .listening import Listening
from .reply import Reply

_LATENCY_WEIGHT = 0.3  # of the newest draft in the running average of what the pipeline needs


class Drafting:
    """Owns the one open draft. `begin` makes a reply to a text, `discard` takes everything about a reply back."""

    def __init__(
        self,
        config: MainControlConfig,
        listening: Listening,
        wants_answer: Callable[[str], bool],
        begin: Callable[[str, float], Reply],
        discard: Callable[[Reply], None],
    ) -> None:
        self._config = config
        self._listening = listening
        self._wants_answer = wants_answer
        self._begin = begin
        self._discard = discard
        self._latency_ms: float | None = None
        self._opened_ms = 0.0
        self._weighed_until_ms = float("-inf")
        self.draft: Reply | None = None
        self.speculation = Speculation(
            SpeculationBudget(config.speculation_max_drafts, config.speculation_max_wasted_ms)
        )

    @property
    def _allowed(self) -> bool:
        config = self._config
        return config.speculation != "off" and config.mode == "auto"

    def new_turn(self) -> None:
        self.speculation.new_turn()

    def words_changed(self, now_ms: float) -> None:
        """Retract a draft to words that are no longer the words."""
        text = self._listening.text
        self.speculation.heard(self._listening.words, now_ms)
        if self.draft is not None and not self.speculation.matches(text):
            self.retract(now_ms)

    def consider(self, now_ms: float) -> None:
        """Open a draft if it is worth it now."""
        self._weighed_until_ms = now_ms
        in_pause = not self._listening.speaking
        if not self._allowed or (not in_pause and now_ms < self.speculation.stable_at_ms):
            return
        text = self._listening.text
        if not self._wants_answer(text):
            return
        if self.speculation.should_draft(text, self._listening.finished(), now_ms, in_pause=in_pause):
            self.retract(now_ms)
            self.speculation.opened(text, now_ms)
            self._opened_ms = now_ms
            self.draft = self._begin(text, now_ms)

    def adopt(self, text: str, now_ms: float) -> Reply | None:
        """The turn is committed: the draft, if it answers these very words."""
        draft = self.draft
        if draft is None:
            return None
        if not self.speculation.matches(text):
            self.draft = None
            self.speculation.miss(now_ms)
            self._discard(draft)
            return None
        self.speculation.hit(now_ms)
        self.draft = None
        return draft

    def retract(self, now_ms: float) -> None:
        if self.draft is not None:
            draft, self.draft = self.draft, None
            self.speculation.retract(now_ms)
            self._discard(draft)

    def audio_ready(self, now_ms: float) -> None:
        """The draft could sound now."""
        took = now_ms - self._opened_ms
        known = self._latency_ms
        self._latency_ms = took if known is None else known + _LATENCY_WEIGHT * (took - known)

    def pipeline_need_ms(self) -> float:
        """Silence (from the last speech sample) until the open draft can sound; 0 when there is nothing to wait for."""
        if self.draft is None or self.draft.audio_started_ms is not None or self._latency_ms is None:
            return 0.0
        return self._opened_ms + self._latency_ms - self._listening.end_ms

    def next_ms(self) -> float:
        """While the person speaks: when unchanged words become worth a draft."""
        if not self._allowed or not self._listening.speaking or not self._listening.text or self.draft is not None:
            return float("inf")
        stable_ms = self.speculation.stable_at_ms
        return stable_ms if stable_ms > self._weighed_until_ms else float("inf")
