"""The person makes a sound while the assistant speaks: what is it?

    onset --duck--> [pause_after_ms] --pause--> words or end --> RESUME (cough, "mm-hm", nothing) or CUT (an interruption)

Rules:
1. Sound gets quieter at once and pauses soon, so that the assistant never talks over anyone; it is only *cut* on evidence.
2. Evidence is `min_words` words that are not signs of listening, in a sound of at least `min_speech_ms`; or a word that asks
   for silence; or a sound that goes on for `undecided_ms`, whatever the recogniser makes of it.
3. A sound that ended without evidence resumes: when the recogniser has spoken, at the latest `verdict_ms` after the end.
4. When nothing of the reply was heard yet, the person is simply going on: any word but a filler cuts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from stream_talk.turn.backchannel import content_words, is_stop, only_fillers
from stream_talk.turn.words import words_of


class Verdict(Enum):
    NONE = "none"
    PAUSE = "pause"
    RESUME = "resume"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Sensitivity:
    pause_after_ms: float = 150.0
    min_speech_ms: float = 250.0
    min_words: int = 1
    undecided_ms: float = 1500.0
    verdict_ms: float = 600.0
    max_backchannel_words: int = 6


SENSITIVITIES = {
    "careful": Sensitivity(pause_after_ms=300.0, min_speech_ms=500.0, min_words=2, undecided_ms=2500.0),
    "normal": Sensitivity(),
    "instant": Sensitivity(pause_after_ms=0.0, min_speech_ms=0.0, min_words=0, undecided_ms=0.0),
}


class BargeIn:
    """One sound during a reply. Times are milliseconds of any one clock."""

    def __init__(self, sensitivity: Sensitivity, onset_ms: float, *, heard_nothing: bool) -> None:
        self._rules = sensitivity
        self._onset_ms = onset_ms
        self._heard_nothing = heard_nothing
        self._end_ms: float | None = None
        self._text = ""
        self._final = False
        self._paused = False
        self.verdict = Verdict.NONE

    def words(self, text: str, now_ms: float, *, final: bool = False) -> Verdict:
        """All words of this sound so far; `final` when the recogniser will not add to them."""
        self._text = text
        # A final in the middle of the sound is the recogniser's own segmentation, not the end of what is being said.
        self._final = self._final or (final and self._end_ms is not None)
        return self.tick(now_ms)

    def speech_end(self, end_ms: float, now_ms: float) -> Verdict:
        self._end_ms = end_ms
        return self.tick(now_ms)

    def speech_again(self, now_ms: float) -> Verdict:
        """The sound was not over after all."""
        self._end_ms = None
        self._final = False
        return self.tick(now_ms)

    def tick(self, now_ms: float) -> Verdict:
        """The decision at this moment. PAUSE is given once; RESUME and CUT are last words."""
        if self.verdict in (Verdict.RESUME, Verdict.CUT):
            return self.verdict
        if self._is_interruption(now_ms):
            self.verdict = Verdict.CUT
        elif self._is_over(now_ms):
            self.verdict = Verdict.RESUME
        elif not self._paused and self._end_ms is None and now_ms >= self._onset_ms + self._pause_after_ms:
            self._paused = True
            return Verdict.PAUSE
        return self.verdict

    def next_ms(self) -> float:
        """When to `tick` again if nothing else happens."""
        if self._end_ms is not None:
            return self._end_ms + self._rules.verdict_ms
        undecided_until = self._onset_ms + self._rules.undecided_ms
        return undecided_until if self._paused else min(undecided_until, self._onset_ms + self._pause_after_ms)

    @property
    def _pause_after_ms(self) -> float:
        return 0.0 if self._heard_nothing else self._rules.pause_after_ms

    def _speech_ms(self, now_ms: float) -> float:
        return (now_ms if self._end_ms is None else self._end_ms) - self._onset_ms

    def _is_interruption(self, now_ms: float) -> bool:
        if is_stop(self._text):
            return True
        speech_ms = self._speech_ms(now_ms)
        if self._end_ms is None and speech_ms >= self._rules.undecided_ms:
            return True
        if self._heard_nothing:
            return not only_fillers(self._text)
        if speech_ms < self._rules.min_speech_ms or not self._text:
            return False
        enough = len(content_words(self._text)) >= max(1, self._rules.min_words)
        return enough or len(words_of(self._text)) > self._rules.max_backchannel_words

    def _is_over(self, now_ms: float) -> bool:
        if self._end_ms is None:
            return False
        return self._final or now_ms >= self._end_ms + self._rules.verdict_ms
