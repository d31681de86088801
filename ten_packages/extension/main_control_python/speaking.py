"""The assistant's voice: clauses to the synthesiser, what the loudspeaker reports, and the controls in between.

Clauses are handed over as they come, but never more than `speech_ahead_ms` of sound ahead of the ear: a reply that never
ends costs no memory, and what an interruption throws away stays small. Of a draft only the first clause is synthesised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stream_talk.ten import names
from stream_talk.turn.words import has_cjk, is_cjk

from .config import MainControlConfig
from .outbox import Body, Outbox
from .reply import Reply

_DUCK_DB = -14.0
_UNSEEN_SLACK_MS = 300.0  # start-up of a loudspeaker that tells us nothing


class Speaking:
    def __init__(self, config: MainControlConfig, outbox: Outbox) -> None:
        self._config = config
        self._outbox = outbox
        self._sees_reports = False
        # Set by the conversation.
        self.on_audible: Callable[[Reply, float], None] = lambda _reply, _now: None
        self.on_over: Callable[[Reply, float], None] = lambda _reply, _now: None
        self.on_failed: Callable[[Reply, float, str], None] = lambda _reply, _now, _what: None

    # --- to the synthesiser ------------------------------------------------------------------------------------------

    def pump(self, reply: Reply, now_ms: float) -> None:
        """Hand over what may be spoken now; notice when there is nothing left to come."""
        while reply.clauses and self._may_speak(reply):
            clause = reply.clauses.popleft()
            if self._config.output == "text":
                continue
            if reply.first_clause_ms is None:
                reply.first_clause_ms = reply.last_progress_ms = now_ms
            reply.ledger.add_text(clause)
            self._send_text(reply, clause if is_cjk(clause[-1]) else clause + " ", end=False)
        complete = reply.llm_done and not reply.clauses and not reply.waits_for_tools
        if not complete or reply.text_ended or (reply.draft and not reply.speaks):
            return
        reply.text_ended = True
        reply.ledger.text_complete = True
        if reply.speaks:
            self._send_text(reply, "", end=True)
            self._check_over(reply, now_ms)
        else:
            self.on_over(reply, now_ms)

    def _may_speak(self, reply: Reply) -> bool:
        if reply.draft and (self._config.speculation != "speech" or reply.speaks):
            return False
        return reply.ledger.expected_ms - reply.ledger.played_ms < self._config.speech_ahead_ms

    def _send_text(self, reply: Reply, text: str, *, end: bool) -> None:
        body: Body = {
            "request_id": reply.request_id,
            "text": text,
            "text_input_end": end,
            "metadata": reply.metadata,
            "rate": self._config.rate,
        }
        if self._config.voice:
            body["voice"] = self._config.voice
        if text:
            body["language"] = self._language_of(text)
        self._outbox.data(names.TTS_TEXT_INPUT, body)

    def _language_of(self, text: str) -> str:
        configured = self._config.language
        if has_cjk(text):
            return configured if configured[:2] in ("zh", "ja", "ko") else "zh-CN"
        return configured if configured[:2] not in ("zh", "ja", "ko") else "en-US"

    # --- to the loudspeaker ------------------------------------------------------------------------------------------

    def control(self, action: str, reply: Reply, **fields: Any) -> None:
        body = {
            "action": action,
            "turn_id": reply.turn_id,
            "generation": reply.generation,
            "request_id": reply.request_id,
            **fields,
        }
        self._outbox.data(names.PLAYOUT_CONTROL, body)

    def duck(self, reply: Reply) -> None:
        self.control("duck", reply, gain_db=_DUCK_DB)

    def unduck(self, reply: Reply) -> None:
        self.control("unduck", reply)

    def pause(self, reply: Reply) -> None:
        reply.paused = True
        self.control("pause", reply)

    def resume(self, reply: Reply, now_ms: float) -> None:
        reply.paused = False
        reply.last_progress_ms = now_ms
        from_ms = round(reply.ledger.resume_ms()) if reply.heard_something else 0
        self.control("resume", reply, from_ms=from_ms)
        reply.ledger.played(min(reply.ledger.played_ms, from_ms))

    def release(self, reply: Reply) -> None:
        self.control("release", reply)

    def silence(self, reply: Reply) -> None:
        """Nothing of this reply may be heard from now on. The order matters: the ear first, then those who still produce."""
        self.control("cut", reply)
        self._outbox.tell(names.FLUSH, {})
        if reply.speaks:
            metadata = {k: v for k, v in reply.metadata.items() if k != "draft"}
            self._outbox.data(
                names.TTS_FLUSH,
                {"flush_id": f"flush-{reply.generation}", "request_id": reply.request_id, "metadata": metadata},
            )

    # --- from the synthesiser ----------------------------------------------------------------------------------------

    def audio_started(self, reply: Reply, now_ms: float) -> None:
        if reply.audio_started_ms is None:
            reply.audio_started_ms = reply.last_progress_ms = now_ms
            if reply.first_clause_ms is not None:
                reply.trace.span("first_audio", "tts", reply.first_clause_ms, now_ms)

    def audio_ended(self, reply: Reply, now_ms: float, body: Body) -> None:
        reply.audio_ended = True
        reply.ledger.ended(float(body.get("request_total_audio_duration_ms", 0)))
        if body.get("reason") == names.REASON_ERROR:
            self.on_failed(reply, now_ms, "tts_failed")
            return
        self._check_over(reply, now_ms)

    def text_placed(self, reply: Reply, now_ms: float, body: Body) -> None:
        words = body.get("words") or []
        reply.ledger.add_result(
            str(body.get("text", "")), float(body.get("start_ms", 0)), float(body.get("duration_ms", 0)), words
        )
        if words and not reply.draft:
            self._outbox.message("words", reply.turn_id, now_ms, request_id=reply.request_id, words=words)
        self.pump(reply, now_ms)

    def visemes(self, reply: Reply, now_ms: float, body: Body) -> None:
        if not reply.draft:
            self._outbox.message(
                "viseme", reply.turn_id, now_ms, request_id=reply.request_id, visemes=body.get("visemes", [])
            )

    # --- from the loudspeaker ----------------------------------------------------------------------------------------

    def reported(self, reply: Reply, now_ms: float, body: Body) -> None:
        """A playout_report about the current reply."""
        self._sees_reports = True
        played_ms = float(body.get("played_ms", 0))
        if played_ms != reply.ledger.played_ms:
            reply.last_progress_ms = now_ms
        reply.ledger.played(played_ms)
        state = body.get("state")
        if state in ("started", "playing"):
            self._heard(reply, now_ms)
        self.pump(reply, now_ms)
        if state == "finished":
            self._heard(reply, now_ms)
            reply.audio_ended = True
            self.on_over(reply, now_ms)
        elif state == "dropped" and not reply.over:
            self.on_over(reply, now_ms)

    def _heard(self, reply: Reply, now_ms: float) -> None:
        if reply.played_from_ms is None:
            reply.played_from_ms = now_ms
            ready_ms = reply.audio_started_ms if reply.audio_started_ms is not None else now_ms
            reply.trace.span("playout", "host", max(ready_ms, reply.trace.origin_ms), now_ms)
            reply.trace.audible(now_ms)
        self.on_audible(reply, now_ms)

    def _check_over(self, reply: Reply, now_ms: float) -> None:
        if reply.audio_ended and reply.text_ended and reply.ledger.total_ms == 0:
            self.on_over(reply, now_ms)

    # --- time --------------------------------------------------------------------------------------------------------

    def next_ms(self, reply: Reply) -> float:
        """When something about this reply has to be looked at, if nothing happens before."""
        if not reply.speaks or reply.paused or reply.draft:
            return float("inf")
        if self._plays_unseen(reply):
            return (reply.audio_started_ms or 0.0) + (reply.ledger.total_ms or 0.0) + _UNSEEN_SLACK_MS
        waiting_for_text = not reply.text_ended and reply.ledger.played_ms >= reply.ledger.expected_ms - 1
        return float("inf") if waiting_for_text else reply.last_progress_ms + self._config.tts_timeout_ms

    def tick(self, reply: Reply, now_ms: float) -> None:
        if now_ms < self.next_ms(reply):
            return
        if self._plays_unseen(reply):
            reply.ledger.played(reply.ledger.total_ms or 0.0)
            self._heard(reply, now_ms)
            self.on_over(reply, now_ms)
        else:
            self.on_failed(reply, now_ms, "tts_stalled")

    def _plays_unseen(self, reply: Reply) -> bool:
        """The host tells nothing (TEN's own transports): assume that it plays in real time."""
        return (
            not self._sees_reports
            and reply.audio_ended
            and reply.text_ended
            and reply.audio_started_ms is not None
            and reply.ledger.total_ms is not None
        )
