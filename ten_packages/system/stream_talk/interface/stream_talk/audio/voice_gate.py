"""From probabilities of speech to "a person began" and "a person stopped".

Every VAD extension shares this machine. It has no clock: it counts the hops it is given, and reports media times.

* A start needs `prefix_padding_ms` of voice; holes of up to `gap_tolerance_ms` (stop consonants) neither count nor
  reset. Its time is that of the first voiced sample, not of the decision.
* While a person speaks the bar is lower (`release_threshold`), so that a trailing vowel does not flicker.
* An end needs `silence_duration_ms` without voice. Its time is the end of the last voiced hop. A blip of noise shorter
  than `blip_ms` inside that silence does not prolong the turn.
* A hop without a decision (None, NaN or negative) leaves the state as it is, but no longer than `undecided_limit_ms`.
* A hole in the media time (a client that dropped frames) counts as silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class VoiceChange(Enum):
    START = "start_of_sentence"
    END = "end_of_sentence"


@dataclass(frozen=True)
class VoiceEvent:
    change: VoiceChange
    timestamp_ms: float
    """Media time of the first or last voiced sample."""
    decided_ms: float
    """Media time of the end of the hop that decided it."""
    probability: float
    """Mean probability over what decided it."""


@dataclass(frozen=True)
class GateSettings:
    vad_threshold: float = 0.5
    release_threshold: float | None = None
    """Default: 0.15 below `vad_threshold`."""
    prefix_padding_ms: float = 120.0
    silence_duration_ms: float = 200.0
    gap_tolerance_ms: float = 48.0
    blip_ms: float = 20.0
    undecided_limit_ms: float = 500.0

    def __post_init__(self) -> None:
        if not 0.0 < self.vad_threshold < 1.0:
            raise ValueError(f"vad_threshold is {self.vad_threshold}; write a number between 0 and 1, such as 0.5")
        for name in ("prefix_padding_ms", "silence_duration_ms", "gap_tolerance_ms", "blip_ms", "undecided_limit_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; write 0 or more milliseconds")
        if not 0.0 < self.release < 1.0 or self.release > self.vad_threshold:
            raise ValueError(
                f"release_threshold is {self.release_threshold}; write a number above 0 and at most vad_threshold"
            )

    @property
    def release(self) -> float:
        if self.release_threshold is not None:
            return self.release_threshold
        return max(self.vad_threshold - 0.15, self.vad_threshold / 2)


class VoiceGate:
    """One per stream. `step` takes hops in order and returns an event when the state changes."""

    __slots__ = (
        "_expected_ms",
        "_gap_ms",
        "_hop_ms",
        "_last_voice_end_ms",
        "_on",
        "_probability_hops",
        "_probability_sum",
        "_release",
        "_resumed_ms",
        "_settings",
        "_silence_ms",
        "_start_ms",
        "_undecided_ms",
        "_voiced_ms",
        "speaking",
    )

    def __init__(self, settings: GateSettings, hop_ms: float) -> None:
        if hop_ms <= 0:
            raise ValueError(f"hop_ms is {hop_ms}; it must be above 0")
        self._settings = settings
        self._hop_ms = hop_ms
        self._on = settings.vad_threshold
        self._release = settings.release
        self.reset()

    def reset(self) -> None:
        self.speaking = False
        self._expected_ms: float | None = None
        self._last_voice_end_ms = 0.0
        self._undecided_ms = 0.0
        self._forget_candidate()
        self._forget_silence()

    @property
    def silence_ms(self) -> float:
        """Silence so far since the last voice, while the person is held to be speaking; otherwise 0."""
        return self._silence_ms if self.speaking else 0.0

    def set_threshold(self, vad_threshold: float) -> None:
        """Raise the bar (our own voice is playing) or put it back, without losing the state."""
        lowered = min(self._settings.release, vad_threshold)
        self._on, self._release = vad_threshold, lowered

    def step(self, probability: float | None, hop_start_ms: float) -> VoiceEvent | None:
        hop_end_ms = hop_start_ms + self._hop_ms
        hole_ms = 0.0 if self._expected_ms is None else hop_start_ms - self._expected_ms
        self._expected_ms = hop_end_ms
        if hole_ms > self._hop_ms:
            ended = self._count_silence(hole_ms, hop_start_ms)
            if ended is not None:
                return ended
        if probability is None or not probability >= 0.0:  # also true of NaN
            self._undecided_ms += self._hop_ms
            if self._undecided_ms <= self._settings.undecided_limit_ms:
                return None
            probability = 0.0
        else:
            self._undecided_ms = 0.0
        if self.speaking:
            return self._step_speaking(probability, hop_end_ms)
        return self._step_silent(probability, hop_start_ms, hop_end_ms)

    def finish(self) -> VoiceEvent | None:
        """The stream ended: an open sentence ends with its last voiced sample."""
        if not self.speaking:
            return None
        return self._end(self._last_voice_end_ms)

    def _step_silent(self, probability: float, hop_start_ms: float, hop_end_ms: float) -> VoiceEvent | None:
        if probability >= self._on:
            if self._voiced_ms == 0.0:
                self._start_ms = hop_start_ms
            self._voiced_ms += self._hop_ms
            self._probability_sum += probability
            self._probability_hops += 1
            self._gap_ms = 0.0
            self._last_voice_end_ms = hop_end_ms
            if self._voiced_ms >= self._settings.prefix_padding_ms:
                return self._begin(hop_end_ms)
        elif self._voiced_ms > 0.0 and probability < self._release:
            self._gap_ms += self._hop_ms
            if self._gap_ms > self._settings.gap_tolerance_ms:
                self._forget_candidate()
        return None

    def _step_speaking(self, probability: float, hop_end_ms: float) -> VoiceEvent | None:
        if probability < self._release:
            self._resumed_ms = 0.0
            return self._count_silence(self._hop_ms, hop_end_ms)
        self._resumed_ms += self._hop_ms
        if self._silence_ms == 0.0 or self._resumed_ms >= self._settings.blip_ms:
            self._forget_silence()
            self._last_voice_end_ms = hop_end_ms
            self._probability_sum = probability
            self._probability_hops = 1
            return None
        return self._count_silence(self._hop_ms, hop_end_ms)

    def _count_silence(self, duration_ms: float, now_ms: float) -> VoiceEvent | None:
        if not self.speaking:
            self._forget_candidate()
            return None
        self._silence_ms += duration_ms
        if self._silence_ms < self._settings.silence_duration_ms:
            return None
        return self._end(now_ms)

    def _begin(self, now_ms: float) -> VoiceEvent:
        event = VoiceEvent(VoiceChange.START, self._start_ms, now_ms, self._mean_probability())
        self.speaking = True
        self._forget_candidate()
        self._forget_silence()
        self._probability_sum, self._probability_hops = event.probability, 1
        return event

    def _end(self, now_ms: float) -> VoiceEvent:
        event = VoiceEvent(VoiceChange.END, self._last_voice_end_ms, now_ms, self._mean_probability())
        self.speaking = False
        self._forget_candidate()
        self._forget_silence()
        return event

    def _mean_probability(self) -> float:
        return self._probability_sum / self._probability_hops if self._probability_hops else 0.0

    def _forget_candidate(self) -> None:
        self._voiced_ms = 0.0
        self._gap_ms = 0.0
        self._start_ms = 0.0
        self._probability_sum = 0.0
        self._probability_hops = 0

    def _forget_silence(self) -> None:
        self._silence_ms = 0.0
        self._resumed_ms = 0.0
