"""What a recogniser understood in one look at some audio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hypothesis:
    text: str
    language: str = ""
    avg_logprob: float = 0.0
    """Mean log probability of the tokens; 0 where an engine does not tell."""
    no_speech_prob: float = 0.0
