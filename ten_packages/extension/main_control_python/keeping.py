"""What remains of a turn: the heard text in the history, the stored turn, the `heard` and `turn` announcements.

After a cut the loudspeaker's last report may still be on its way: the history holds the present knowledge at once (the next
question may come immediately), and is corrected when the report arrives, at the latest `_LAST_REPORT_MS` later.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from stream_talk.turn.history import Entry, History
from stream_talk.turn.ledger import Heard
from stream_talk.turn.speculation import SpeculationStats

from .config import MainControlConfig
from .memory import Memory
from .outbox import Body, Outbox
from .reply import Reply
from .tracing import TurnTrace

_LAST_REPORT_MS = 400.0
_TOLD_FAILURES = 20
_REMEMBERED_REPLIES = 8  # for a late `truncate`


@dataclass(slots=True)
class _Closing:
    reply: Reply
    due_ms: float


@dataclass(slots=True)
class Keeping:
    config: MainControlConfig
    outbox: Outbox
    history: History
    memory: Memory
    stats: SpeculationStats
    _closing: dict[str, _Closing] = field(default_factory=dict)
    _recent: OrderedDict[str, Reply] = field(default_factory=OrderedDict)
    _announced_stats: dict[str, int] = field(default_factory=dict)
    _unstored_user: dict[int, Body] = field(default_factory=dict)
    _failures: list[Body] = field(default_factory=list)

    # --- the person --------------------------------------------------------------------------------------------------

    def user_said(self, turn_id: int, text: str, epoch_ms: int) -> None:
        self.history.add(Entry("user", text, turn_id, epoch_ms))
        self._unstored_user[turn_id] = {
            "role": "user",
            "text": text,
            "heard_text": text,
            "interrupted": False,
            "ts_ms": epoch_ms,
        }

    def user_goes_on(self, turn_id: int) -> None:
        """The turn was not over; its words come again, with the rest."""
        self.history.take_back(turn_id)
        self._unstored_user.pop(turn_id, None)

    def unanswered(self, turn_id: int, trace: TurnTrace, now_ms: float) -> None:
        """A turn that gets no reply."""
        self._store(turn_id, [], trace, now_ms)

    def failed(self, module: str, message: str) -> None:
        """A stage failed: told with the next turn that is stored, at most `_TOLD_FAILURES` of them."""
        if len(self._failures) < _TOLD_FAILURES:
            self._failures.append({"module": module, "message": message})

    # --- the assistant -----------------------------------------------------------------------------------------------

    def spoken(self, reply: Reply, now_ms: float) -> None:
        """The reply is over by itself."""
        self._remember(reply)
        self._finish(reply, now_ms)

    def cut(self, reply: Reply, now_ms: float) -> None:
        self._remember(reply)
        if reply.played_from_ms is None:
            self._finish(reply, now_ms)
        else:
            self._closing[reply.request_id] = _Closing(reply, now_ms + _LAST_REPORT_MS)

    def reported(self, request_id: str, now_ms: float, body: Body) -> None:
        """A playout_report about a reply that is over."""
        closing = self._closing.get(request_id)
        if closing is None:
            return
        closing.reply.ledger.played(float(body.get("played_ms", 0)))
        if body.get("state") in ("dropped", "finished"):
            self._settle(closing, now_ms)

    def text_placed(self, request_id: str, body: Body) -> None:
        """Word times that arrive after the cut still make the account more exact."""
        closing = self._closing.get(request_id)
        if closing is not None:
            closing.reply.ledger.add_result(
                str(body.get("text", "")),
                float(body.get("start_ms", 0)),
                float(body.get("duration_ms", 0)),
                body.get("words") or [],
            )

    def truncate(self, turn_id: int, audio_end_ms: float, now_ms: float) -> None:
        """A client knows better how much was heard of the last reply of this turn."""
        for request_id in reversed(self._recent):
            reply = self._recent[request_id]
            if reply.turn_id == turn_id:
                heard = reply.ledger.heard(audio_end_ms)
                self._write(reply, heard)
                if self._closing.pop(request_id, None) is not None:
                    self._keep(reply, heard, now_ms)
                else:
                    self._announce_heard(reply, heard, now_ms)
                    self.memory.append(turn_id, [_stored(reply, heard)], [], lambda _at_ms: None, now_ms)
                return

    def clear(self) -> None:
        self.history.clear()
        self.memory.clear()
        self._unstored_user.clear()
        self._recent.clear()

    def settle(self, now_ms: float) -> None:
        """No report comes any more: what is known now is what was heard."""
        for closing in list(self._closing.values()):
            self._settle(closing, now_ms)

    def next_ms(self) -> float:
        return min((closing.due_ms for closing in self._closing.values()), default=float("inf"))

    def tick(self, now_ms: float) -> None:
        for closing in [c for c in self._closing.values() if now_ms >= c.due_ms]:
            self._settle(closing, now_ms)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _heard(self, reply: Reply) -> Heard:
        if self.config.output == "text" or (reply.llm_done and not reply.speaks):
            return Heard(reply.text.strip(), "", 0, complete=True)  # it was read, not heard
        return reply.ledger.heard()

    def _remember(self, reply: Reply) -> None:
        heard = self._heard(reply)
        self._recent[reply.request_id] = reply
        if len(self._recent) > _REMEMBERED_REPLIES:
            self._recent.popitem(last=False)
        self._write(reply, heard)

    def _settle(self, closing: _Closing, now_ms: float) -> None:
        del self._closing[closing.reply.request_id]
        self._write(closing.reply, self._heard(closing.reply))
        self._finish(closing.reply, now_ms)

    def _write(self, reply: Reply, heard: Heard) -> None:
        self.history.put_heard(
            Entry(
                "assistant",
                heard.text,
                reply.turn_id,
                reply.trace.epoch_ms,
                interrupted=not heard.complete,
                full_text=reply.text,
                request_id=reply.request_id,
            )
        )

    def _finish(self, reply: Reply, now_ms: float) -> None:
        self._keep(reply, self._heard(reply), now_ms)

    def _keep(self, reply: Reply, heard: Heard, now_ms: float) -> None:
        self._announce_heard(reply, heard, now_ms)
        if reply.taken_back:
            return  # the turn is stored when it is over
        self._store(reply.turn_id, [_stored(reply, heard)] if heard.text else [], reply.trace, now_ms)

    def _announce_heard(self, reply: Reply, heard: Heard, now_ms: float) -> None:
        # What was never given to the synthesiser was not heard either.
        unspoken = heard.unheard if reply.speaks else reply.text
        self.outbox.message(
            "heard",
            reply.turn_id,
            now_ms,
            request_id=reply.request_id,
            generation=reply.generation,  # a turn that went on has two replies
            heard_text=heard.text,
            unheard_text="" if heard.complete else unspoken,
            interrupted=not heard.complete,
            error_bound_ms=heard.error_bound_ms,
        )

    def _store(self, turn_id: int, entries: list[Body], trace: TurnTrace, now_ms: float) -> None:
        user = self._unstored_user.pop(turn_id, None)
        stored = ([user] if user else []) + entries
        key = f"{self.outbox.session_id}#{turn_id}#{trace.epoch_ms}"
        measured = trace.as_dict() | {"interrupted": any(entry["interrupted"] for entry in entries)}
        events = [{"type": "analytics.turn", "payload": measured, "idempotency_key": f"{key}/analytics"}]
        for number, failure in enumerate(self._failures):
            events.append({"type": "analytics.error", "payload": failure, "idempotency_key": f"{key}/error/{number}"})
        self._failures = []

        def announce(at_ms: float) -> None:
            self.outbox.message("turn", turn_id, at_ms, trace=trace.as_dict())
            stats = self.stats.as_dict()
            if stats != self._announced_stats:
                self._announced_stats = stats
                self.outbox.message("speculation", turn_id, at_ms, **stats)

        self.memory.append(turn_id, stored, events, announce, now_ms)


def _stored(reply: Reply, heard: Heard) -> Body:
    return {
        "role": "assistant",
        "text": reply.text,
        "heard_text": heard.text,
        "interrupted": not heard.complete,
        "ts_ms": reply.trace.epoch_ms,
    }
