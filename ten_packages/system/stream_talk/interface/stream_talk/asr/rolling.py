"""Partials and a final from a recogniser that can only look at a whole stretch of audio: it looks again while the person speaks.

What two looks in a row agree on becomes stable: it is never taken back, and the next look only continues from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stream_talk import clock
from stream_talk.asr.guards import GuardRules, accept, plain
from stream_talk.asr.hypothesis import Hypothesis
from stream_talk.asr.levels import LevelMeter
from stream_talk.engines.interfaces import Pcm16, Transcript, Word
from stream_talk.text.stable import spread_evenly
from stream_talk.text.units import is_cjk, split_words

Samples = npt.NDArray[np.float32]
SURE_LOGPROB = -0.6  # a partial at least this sure may serve as the final


class Look(Protocol):
    """One decode. `begins_with` is text that the result must continue (it is not repeated in the result)."""

    def __call__(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis: ...


@dataclass(frozen=True, slots=True)
class RollingRules:
    sample_rate_hz: int = 16000
    partials: bool = True
    partial_interval_ms: int = 400
    first_partial_ms: int = 500
    """Voice that must have been heard before the first look; models guess wildly on less."""
    pause_ms: int = 160
    """A pause this long is looked at right away, so that the final is usually there before it is asked for."""
    shortest_voice_ms: int = 80
    """Less voice than this is a click and not a word."""
    longest_window_ms: int = 25_000
    pace: float = 2.0
    """The next look waits until this many times the cost of the last one has been heard: a slow machine makes fewer partials."""
    guards: GuardRules = field(default_factory=GuardRules)
    hot_words: tuple[str, ...] = ()


class RollingSegment:
    """One utterance. `look` is called with all audio since the last cut."""

    def __init__(
        self, look: Look, rules: RollingRules, language: str = "", wall_ms: Callable[[], float] = clock.wall_ms
    ) -> None:
        self._look = look
        self._rules = rules
        self._language = language
        self._wall_ms = wall_ms
        self._chunks: list[Pcm16] = []
        self._window_samples = 0
        self._meter = LevelMeter(rules.sample_rate_hz)
        self._cut_ms = 0.0  # everything before this is in `_settled`
        self._settled = ""
        self._stable = ""  # agreed beginning of the current window's text
        self._last = ""  # what the last look said after `_stable`
        self._looked_ms = 0.0  # up to here, within the window
        self._cost_ms = 0.0
        self._sure = False
        self._shown = ("", "")
        self.looks = 0

    def feed(self, pcm: Pcm16) -> Iterable[Transcript]:
        self._chunks.append(pcm)
        self._window_samples += len(pcm)
        self._meter.feed(pcm)
        if not self._rules.partials:
            return ()
        if self._window_ms > self._rules.longest_window_ms:
            self._cut()
        return self._partial() if self._time_to_look() else ()

    def finish(self) -> Transcript:
        while self._window_ms > self._rules.longest_window_ms:
            self._cut()
        if not self._worth_a_look():
            self._last = ""
        elif not self._last_look_is_enough():
            self._listen(final=True)
        return self._transcript(final=True)

    # --- when to look ---------------------------------------------------------------------------------------------

    def _time_to_look(self) -> bool:
        rules, voice_end_ms = self._rules, self._meter.voice_end_ms
        if (
            not self._worth_a_look()
            or self._meter.voiced_ms < rules.first_partial_ms
            or voice_end_ms <= self._looked_ms
        ):
            return False
        paused = self._window_ms - voice_end_ms >= rules.pause_ms
        due_ms = self._looked_ms + max(rules.partial_interval_ms, rules.pace * self._cost_ms)
        return paused or self._window_ms >= due_ms

    def _worth_a_look(self) -> bool:
        return not self._meter.silent and self._meter.voiced_ms >= self._rules.shortest_voice_ms

    def _last_look_is_enough(self) -> bool:
        """Nothing was said since, and the model was sure."""
        return self._sure and self._meter.voice_end_ms <= self._looked_ms

    # --- looking --------------------------------------------------------------------------------------------------

    def _listen(self, *, final: bool) -> None:
        started_ms = self._wall_ms()
        samples = self._samples()
        found = self._look(samples, language=self._language, begins_with=self._stable, final=final)
        self.looks += 1
        self._cost_ms = self._wall_ms() - started_ms
        self._looked_ms = self._window_ms
        self._language = self._language or found.language
        text = accept(found, self._rules.guards, self._rules.hot_words)
        self._sure = bool(text) and found.avg_logprob >= SURE_LOGPROB
        if not final:
            agreed = agreed_beginning(self._last, text)
            self._stable = join(self._stable, agreed)
            text = text[len(agreed) :].lstrip()
        self._last = text

    def _partial(self) -> Iterable[Transcript]:
        self._listen(final=False)
        transcript = self._transcript(final=False)
        if (transcript.text, self._stable) == self._shown:
            return ()
        self._shown = (transcript.text, self._stable)
        return (transcript,)

    def _cut(self) -> None:
        """The window is as long as the model can hear: settle its first part, cut where it is quietest."""
        cut_ms = self._meter.quietest_ms(self._rules.longest_window_ms * 0.6, self._rules.longest_window_ms)
        samples = self._samples()
        at = int(cut_ms * self._rules.sample_rate_hz / 1000)
        found = self._look(samples[:at], language=self._language, begins_with=self._stable, final=True)
        self.looks += 1
        said = accept(found, self._rules.guards, self._rules.hot_words)
        self._settled = join(self._settled, join(self._stable, said))
        rest = np.concatenate(self._chunks)[at:]
        self._chunks, self._window_samples = [rest], len(rest)
        self._meter.drop_until(cut_ms)
        self._cut_ms += cut_ms
        self._stable = self._last = ""
        self._looked_ms, self._sure = 0.0, False

    def _samples(self) -> Samples:
        if len(self._chunks) > 1:
            self._chunks = [np.concatenate(self._chunks)]
        return self._chunks[0].astype(np.float32) / 32768.0

    @property
    def _window_ms(self) -> float:
        return self._window_samples * 1000.0 / self._rules.sample_rate_hz

    # --- results --------------------------------------------------------------------------------------------------

    def _transcript(self, *, final: bool) -> Transcript:
        fixed = join(self._settled, self._stable)
        text = join(fixed, self._last)
        start_ms = 0 if self._cut_ms else self._meter.voice_start_ms
        end_ms = max(start_ms + 1, int(self._cut_ms) + self._meter.voice_end_ms)
        stable_words = len(split_words(fixed))
        words = [
            Word(word, start_ms + at_ms, long_ms, stable=final or index < stable_words)
            for index, (word, at_ms, long_ms) in enumerate(spread_evenly(split_words(text), end_ms - start_ms))
        ]
        return Transcript(text, final, start_ms, end_ms - start_ms, self._language, words, {"word_times": "estimated"})


def join(first: str, second: str) -> str:
    """Two stretches of one text: a space between them unless either side is CJK."""
    first, second = first.rstrip(), second.lstrip()
    if not first or not second:
        return first or second
    return first + second if is_cjk(first[-1]) or is_cjk(second[0]) or not second[0].isalnum() else f"{first} {second}"


def agreed_beginning(before: str, now: str) -> str:
    """What both begin with, in `now`'s spelling; never the last word of either, which the next sound may still change."""
    old, new = split_words(before), split_words(now)
    count = 0
    for one, other in zip(old[:-1], new[:-1], strict=False):
        if plain(one) != plain(other):
            break
        count += 1
    end = 0
    for word in new[:count]:
        end = now.index(word, end) + len(word)
    return now[:end]


def after(text: str, beginning: str) -> str:
    """What follows the words of `beginning` in a text that repeats them, perhaps spelled otherwise: for models that cannot be told
    how their text begins."""
    end = 0
    for word in split_words(text)[: len(split_words(beginning))]:
        end = text.index(word, end) + len(word)
    return text[end:].lstrip()
