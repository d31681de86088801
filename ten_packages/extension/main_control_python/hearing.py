"""The person's sounds and words become events of the floor.

While the assistant is silent they open, prolong and end a turn; while it speaks they are weighed first (`turn.barge_in`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_talk.turn.backchannel import content_words, only_hesitation
from stream_talk.turn.barge_in import SENSITIVITIES, BargeIn, Verdict
from stream_talk.turn.policy import Event, Floor

from .config import MainControlConfig
from .listening import Listening
from .outbox import Body

if TYPE_CHECKING:
    from .conversation import Conversation


_SAME_BREATH_MS = 1500.0


class Hearing:
    def __init__(self, config: MainControlConfig, listening: Listening, talk: Conversation) -> None:
        self._config = config
        self._listening = listening
        self._talk = talk
        self.barge: BargeIn | None = None  # the sound during a reply that is being weighed
        self._let_pass = ""  # words that were no interruption by themselves ("No ..."), and when they ended
        self._let_pass_ms = float("-inf")

    def tick(self, now_ms: float) -> None:
        if now_ms >= self._listening.segment_due_ms:
            self._listening.cut_segment(now_ms)
        if self.barge is not None:
            self.judge(self.barge.tick(now_ms), now_ms)
        self.weigh(now_ms)

    def next_ms(self) -> float:
        due = [self._listening.segment_due_ms]
        if self.barge is not None:
            due.append(self.barge.next_ms())
        if self._talk.floor is Floor.HEARING:
            due.append(self._talk.drafting.next_ms())
        if self._talk.floor is Floor.ENDING:
            over_ms = self._listening.over_at_ms(self._talk.drafting.pipeline_need_ms())
            due.append(max(over_ms, self._listening.final_due_ms))
        return min(due)

    def speech_start(self, now_ms: float, timestamp_ms: float, decided_ms: float | None) -> None:
        """The person begins to make a sound."""
        self._listening.hear_again()
        self._listening.speech_start(now_ms, timestamp_ms, decided_ms)
        if self.barge is not None:
            self.judge(self.barge.speech_again(now_ms), now_ms)
        elif self._talk.reply is None:
            self._talk.apply(Event.SPEECH_START, now_ms)
        elif self._may_be_interrupted():
            self.barge = BargeIn(
                SENSITIVITIES[self._config.interruption],
                self._listening.onset_ms,
                heard_nothing=not self._talk.reply.heard_something,
            )
            self._talk.apply(Event.SPEECH_START, now_ms)
            self.judge(self.barge.tick(now_ms), now_ms)

    def speech_end(self, now_ms: float, timestamp_ms: float | None = None, decided_ms: float | None = None) -> None:
        self._listening.speech_end(now_ms, timestamp_ms, decided_ms)
        self._sound_ended(now_ms)

    def _sound_ended(self, now_ms: float) -> None:
        if self.barge is not None:
            self.judge(self.barge.speech_end(self._listening.end_ms, now_ms), now_ms)
        else:
            self._talk.apply(Event.SPEECH_END, now_ms)
        if self._talk.floor is Floor.ENDING:
            self._talk.memory.search(self._listening.text)

    def asr_result(self, now_ms: float, body: Body) -> None:
        if self._talk.muted:
            return
        text, final = str(body.get("text", "")).strip(), bool(body.get("final"))
        inferred = not self._listening.sees_detector and self._config.mode != "push_to_talk"
        if inferred and text and not self._listening.speaking:
            self.speech_start(now_ms, 0.0, 0.0)
        if not self._listening.result(now_ms, body):
            return
        if inferred and final and self._listening.speaking and self._config.mode == "auto":
            self._listening.end_without_detector(now_ms)
            self._sound_ended(now_ms)
        self._words_changed(now_ms, final=final)

    def asr_finalized(self, now_ms: float, finalize_id: str) -> None:
        self._listening.finalize_ended(finalize_id)
        self._words_changed(now_ms, final=True)

    def turn_decision(self, now_ms: float, body: Body) -> None:
        self._listening.decision(body)
        if self._talk.floor is Floor.ENDING:
            self.weigh(now_ms)

    def _words_changed(self, now_ms: float, *, final: bool) -> None:
        text = self._listening.text
        if self.barge is not None:
            self.judge(self.barge.words(text, now_ms, final=final), now_ms)
            return
        if self._talk.floor is Floor.LISTENING and final and text and not self._listening.speaking:
            # The detector missed a quiet voice that the recogniser understood.
            self._listening.end_ms = now_ms
            self._talk.apply(Event.SPEECH_START, now_ms)
            self._talk.apply(Event.SPEECH_END, now_ms)
        elif self._talk.floor in (Floor.HEARING, Floor.ENDING):
            self._listening.show(now_ms)
            self._talk.drafting.words_changed(now_ms)
            self.weigh(now_ms)

    def weigh(self, now_ms: float) -> None:
        """Is the turn over? And is a draft worth it?"""
        if self._talk.floor is Floor.HEARING:
            self._talk.drafting.consider(now_ms)
            return
        if self._talk.floor is not Floor.ENDING or now_ms < self._listening.final_due_ms:
            return
        text = self._listening.text
        if not text:
            self._talk.apply(Event.NOTHING_SAID, now_ms)
            return
        over_at_ms = self._listening.over_at_ms(self._talk.drafting.pipeline_need_ms())
        if now_ms >= over_at_ms:
            self._talk.apply(Event.NOTHING_SAID if only_hesitation(text) else Event.TURN_OVER, now_ms)
            return
        self._talk.drafting.consider(now_ms)

    def judge(self, verdict: Verdict, now_ms: float) -> None:
        """What the sound during a reply turned out to be."""
        if verdict is Verdict.PAUSE:
            self._talk.apply(Event.PAUSE_DUE, now_ms)
        elif verdict is Verdict.RESUME:
            self.barge = None
            self._let_pass = self._listening.text if content_words(self._listening.text) else ""
            self._let_pass_ms = self._listening.end_ms
            self._listening.close_turn()
            self._talk.apply(Event.FALSE_ALARM, now_ms)
            if self._talk.reply is not None and self._talk.reply.heard_something:
                self._talk.apply(Event.AUDIBLE, now_ms)
        elif verdict is Verdict.CUT:
            self.barge = None
            if self._let_pass and self._listening.onset_ms <= self._let_pass_ms + _SAME_BREATH_MS:
                self._listening.prepend(self._let_pass)  # the beginning of what turned out to be an interruption
            self._let_pass = ""
            self._talk.apply(Event.INTERRUPTED, now_ms)
            if not self._listening.speaking:
                self._talk.apply(Event.SPEECH_END, now_ms)

    def _may_be_interrupted(self) -> bool:
        return self._config.interruption != "off" and self._talk.reply is not None and not self._talk.reply.protected
