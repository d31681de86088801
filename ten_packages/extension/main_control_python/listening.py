"""The person's side: what they said in this turn so far, since when they are silent, and whether they have finished.

Segments come from the recogniser (`asr_result`), sounds from the voice activity detector. A graph without a detector works
too: then a first partial is the beginning of a sound and a final its end.
"""

from __future__ import annotations

from typing import Any

from stream_talk.ten import names
from stream_talk.turn.completeness import finished_probability
from stream_talk.turn.endpoint import Caution, Opinion, wait_ms
from stream_talk.turn.words import join_segments, words_of

from .config import MainControlConfig
from .outbox import Outbox

_DEFAULT_LAG_MS = 200.0  # pause already passed when the end is announced, where a detector does not say
# Without a word there is nothing to answer: giving up on a busy recogniser early would make what was said vanish.
_FIRST_WORD_WAIT_MS = 5_000.0
_COMMITTED_WAIT_MS = 10_000.0  # a program commits a whole recording at once, and the recogniser has to work through it


class Listening:
    def __init__(self, config: MainControlConfig, outbox: Outbox) -> None:
        self._config = config
        self._outbox = outbox
        self.caution = Caution()
        self.turn_id = 0
        self.speaking = False
        self.sees_detector = False
        self.language = config.language
        self.onset_ms = 0.0
        self.end_ms = 0.0
        self.end_seen_ms = 0.0
        self.end_media_ms: float | None = None
        self.onset_media_ms: float | None = None
        self.finalized_ms = 0.0
        self.final_ms = 0.0
        self.segment_started_ms = 0.0
        self.force_over = False  # a button decided that the turn is over
        self._finals: list[str] = []
        self._partial = ""
        self._text: str | None = ""
        self._text_words: tuple[str, ...] | None = ()
        self._partial_id = ""
        self._words: list[dict[str, Any]] = []
        self._stable_partial_chars = 0
        self._shown = ""
        self._closed_ids: set[str] = set()
        self._opinion = Opinion()
        self._told_to_wait = False
        self._finalize_id = ""
        self._finalize_count = 0
        self._awaiting_final = False
        self._deaf_until_finalized = False

    # --- what was said -----------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = join_segments([*self._finals, self._partial])[-self._config.max_turn_chars :]
        return self._text

    @property
    def words(self) -> tuple[str, ...]:
        if self._text_words is None:
            self._text_words = tuple(words_of(self.text))
        return self._text_words

    def _text_changed(self) -> None:
        self._text, self._text_words = None, None

    @property
    def awaiting_final(self) -> bool:
        return self._awaiting_final

    def prepend(self, text: str) -> None:
        """The turn had begun earlier: the person simply goes on."""
        self._finals.insert(0, text)
        self._text_changed()

    def result(self, now_ms: float, body: dict[str, Any]) -> bool:
        """An asr_result; False when it belongs to a turn that is over."""
        segment, text, final = str(body.get("id", "")), str(body.get("text", "")).strip(), bool(body.get("final"))
        if self._deaf_until_finalized or (segment and segment in self._closed_ids):
            if final:
                self._closed_ids.discard(segment)
            return False
        self.language = str(body.get("language") or self.language)
        self._words = body.get("words") or []
        self._stable_partial_chars = 0 if final else _stable_chars(self._words)
        if final:
            if text:
                self._finals.append(text)
            self._partial, self._partial_id = "", ""
            self.final_ms = now_ms
            self._awaiting_final = False
            self.segment_started_ms = now_ms
        else:
            self._partial, self._partial_id = text, segment
        self._text_changed()
        return True

    def finalize_ended(self, finalize_id: str) -> None:
        if finalize_id == self._finalize_id:
            self._awaiting_final = False
            self._deaf_until_finalized = False

    def decision(self, body: dict[str, Any]) -> None:
        """turn_detection's opinion."""
        self._opinion.detector_words = tuple(words_of(str(body.get("text", ""))))
        probability = min(1.0, max(0.0, float(body.get("probability", 0.5))))
        state = body.get("state")
        self._opinion.detector = probability if state != "unfinished" else min(probability, 0.5)
        self._told_to_wait = state == "wait"

    def show(self, now_ms: float) -> None:
        """Captions of the words so far, when they have changed."""
        text = self.text
        if text and text != self._shown:
            self._shown = text
            stable = len(join_segments(self._finals))
            stable = max(stable, min(len(text), stable + self._stable_partial_chars))
            self._caption(now_ms, self.turn_id, text, final=False, stable_chars=stable, source="speech")

    def show_final(self, now_ms: float, turn_id: int, text: str, source: str) -> None:
        """The committed turn."""
        self._shown = ""
        self._caption(now_ms, turn_id, text, final=True, stable_chars=len(text), source=source)

    def _caption(self, now_ms: float, turn_id: int, text: str, **fields: Any) -> None:
        start_ms, end_ms = self.onset_media_ms or 0.0, self.end_media_ms or 0.0
        self._outbox.message(
            "user_text",
            turn_id,
            now_ms,
            text=text,
            start_ms=round(start_ms),
            duration_ms=max(0, round(end_ms - start_ms)),
            language=self.language,
            words=self._words,
            **fields,
        )

    # --- sounds ------------------------------------------------------------------------------------------------------

    def speech_start(self, now_ms: float, timestamp_ms: float, decided_ms: float | None) -> None:
        lag = 100.0 if decided_ms is None else max(0.0, decided_ms - timestamp_ms)
        self.speaking = True
        self.onset_ms = now_ms - lag
        if not self._finals and not self._partial:
            self.onset_media_ms = timestamp_ms
        if not self.text:
            self.segment_started_ms = self.onset_ms

    def speech_end(self, now_ms: float, timestamp_ms: float | None, decided_ms: float | None) -> None:
        if timestamp_ms is None:
            lag = 0.0
        elif decided_ms is None:
            lag = _DEFAULT_LAG_MS
        else:
            lag = max(0.0, decided_ms - timestamp_ms)
        self.speaking = False
        self.end_ms = now_ms - lag
        self.end_seen_ms = now_ms
        self.end_media_ms = timestamp_ms
        self.finalize(now_ms)

    def end_without_detector(self, now_ms: float) -> None:
        """The recogniser's own final is all we know of the end."""
        self.speaking = False
        self.end_ms = self.end_seen_ms = self.finalized_ms = now_ms
        self.end_media_ms = None

    def cut_segment(self, now_ms: float) -> None:
        """A long sound without a pause: have the recogniser close what it has, and go on."""
        self.segment_started_ms = now_ms
        self.finalize(now_ms)

    def finalize(self, now_ms: float) -> None:
        """Ask the recogniser for its last word on what it has heard."""
        self._finalize_count += 1
        self._finalize_id = f"finalize-{self._finalize_count}"
        self._awaiting_final = True
        self.finalized_ms = now_ms
        metadata = {"session_id": self._outbox.session_id, "turn_id": self.turn_id}
        self._outbox.data(names.ASR_FINALIZE, {"finalize_id": self._finalize_id, "metadata": metadata})

    def open_turn(self, turn_id: int) -> None:
        self.turn_id = turn_id
        self.force_over = False
        self._told_to_wait = False

    def close_turn(self) -> None:
        """Everything heard so far is dealt with; what the recogniser still sends about it is not for the next turn."""
        if self._partial_id:
            if len(self._closed_ids) > 32:
                self._closed_ids.clear()
            self._closed_ids.add(self._partial_id)
        self._deaf_until_finalized = self._awaiting_final and not self.speaking
        self._awaiting_final = False
        self._finals.clear()
        self._partial = self._partial_id = ""
        self._text_changed()
        self._words, self._stable_partial_chars, self._shown = [], 0, ""
        self._opinion = Opinion()
        self.force_over = False
        self._told_to_wait = False

    def forget_unheard(self, now_ms: float) -> None:
        """The recogniser has listened to what did not count (muted, button not pressed): have it close that."""
        self.close_turn()
        self.finalize(now_ms)
        self._awaiting_final = False
        self._deaf_until_finalized = True

    def hear_again(self) -> None:
        """A new sound: whatever the recogniser still owes is not going to come separately."""
        self._deaf_until_finalized = False

    @property
    def leave_alone(self) -> bool:
        """These words ask not to be answered ("hold on", "let me think")."""
        return self._told_to_wait and self._opinion.about(self.words)

    # --- is it over? -------------------------------------------------------------------------------------------------

    def finished(self) -> float:
        """Probability that the words so far are complete."""
        if self._opinion.about(self.words):
            return self._opinion.detector or 0.0
        return finished_probability(self.text)

    def over_at_ms(self, pipeline_need_ms: float) -> float:
        """When the turn is over if nothing else happens; infinity while a button holds it open."""
        if self.force_over:
            return self.end_ms
        if self._config.mode != "auto":
            return float("inf")
        wait = wait_ms(
            self.finished(),
            self._config.endpoint(),
            pipeline_need_ms=pipeline_need_ms,
            caution=self.caution.factor,
        )
        return self.end_ms + wait

    @property
    def final_due_ms(self) -> float:
        """Until when the recogniser's last word is waited for."""
        if not self._awaiting_final:
            return float("-inf")
        patience_ms = self._config.asr_timeout_ms
        if self.force_over:
            patience_ms = max(patience_ms, _COMMITTED_WAIT_MS)
        elif not self.text:
            patience_ms = max(patience_ms, _FIRST_WORD_WAIT_MS)
        return self.finalized_ms + patience_ms

    @property
    def segment_due_ms(self) -> float:
        """When a sound without a pause is cut into another segment, so that no recogniser gets minutes at once."""
        return self.segment_started_ms + self._config.max_segment_ms if self.speaking else float("inf")


def _stable_chars(words: list[dict[str, Any]]) -> int:
    """Length of the prefix that the recogniser will not change any more."""
    stable = 0
    for word in words:
        if not word.get("stable", True):
            break
        stable += len(str(word.get("word", ""))) + 1
    return max(0, stable - 1)
