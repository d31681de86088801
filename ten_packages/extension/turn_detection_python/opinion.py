"""One opinion from many: words, voice, smart-turn, a remote model. Pure.

Each source gives a probability that the person has finished. They are added as log-odds with fixed weights (chosen on recorded
prompts, `python -m bench.stages turn`); a remote model's label, which knows the words better than any rule, replaces the words.
A request to wait always stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from .words import Reading, State, read_words

Source = Literal["words", "prosody", "smart_turn", "model"]

_WORDS_WEIGHT = 0.5
_PROSODY_WEIGHT = 0.7
_SMART_TURN_WEIGHT = 0.25
_PROSODY_LIMIT = 3.0
_LEAST, _MOST = 0.02, 0.98
_CHANGED = 0.04
LABEL_PROBABILITY: dict[State, float] = {"finished": 0.95, "unfinished": 0.06, "wait": 0.3}


@dataclass(frozen=True)
class Decision:
    state: State
    probability: float
    source: Source
    text: str

    def differs_from(self, other: Decision | None) -> bool:
        return (
            other is None
            or (self.state, self.text) != (other.state, other.text)
            or abs(self.probability - other.probability) > _CHANGED
        )


@dataclass
class Opinion:
    """What is known of the newest segment."""

    text: str = ""
    prosody: float | None = None
    smart_turn: float | None = None
    label: State | None = None
    _reading: Reading = field(default_factory=lambda: read_words(""))

    def heard(self, text: str) -> None:
        if text != self.text:
            self.text = text
            self.label = None  # it was about other words
            self._reading = read_words(text)

    def voice_resumed(self) -> None:
        self.prosody = self.smart_turn = None

    def decide(self) -> Decision:
        words = self._reading
        source: Source = "words"
        if self.label is not None:
            words = replace(words, state=self.label, probability=LABEL_PROBABILITY[self.label])
            source = "model"
        if words.state == "wait" or not self.text:
            return Decision(words.state, words.probability, source, self.text)
        probability, heard = self._with_voice(words.probability)
        return Decision("finished" if probability >= 0.5 else "unfinished", probability, heard or source, self.text)

    def _with_voice(self, by_words: float) -> tuple[float, Source | None]:
        if self.prosody is None and self.smart_turn is None:
            return by_words, None
        total = _WORDS_WEIGHT * _log_odds(by_words)
        heard: Source = "prosody"
        if self.prosody is not None:
            total += _PROSODY_WEIGHT * min(_PROSODY_LIMIT, max(-_PROSODY_LIMIT, _log_odds(self.prosody)))
        if self.smart_turn is not None:
            total += _SMART_TURN_WEIGHT * _log_odds(self.smart_turn)
            heard = "smart_turn"
        if self.label is not None:
            heard = "model"
        return 1.0 / (1.0 + math.exp(-total)), heard


def _log_odds(probability: float) -> float:
    held = min(_MOST, max(_LEAST, probability))
    return math.log(held / (1.0 - held))
