"""The conversation: whose turn it is, and what follows from everything that happens.

The floor is `stream_talk.turn.policy`'s table; this class turns what arrives into its events and its actions into work for the
collaborators. Nothing here waits, reads a clock or sends: time comes in as `now_ms`, wishes go to the outbox.
"""

from __future__ import annotations

from collections.abc import Callable

from stream_talk.ten import names
from stream_talk.turn.backchannel import is_stop
from stream_talk.turn.barge_in import Verdict
from stream_talk.turn.history import History
from stream_talk.turn.policy import SHOWN, Action, Event, Floor, step
from stream_talk.turn.words import has_cjk, join_segments

from .config import MainControlConfig
from .drafting import Drafting
from .hearing import Hearing
from .initiative import Initiative
from .keeping import Keeping
from .listening import Listening
from .making import ReplyMaker
from .memory import Memory
from .outbox import Body, Outbox
from .phrases import phrase
from .reply import Reply
from .speaking import Speaking
from .thinking import Thinking
from .tools import Tools
from .tracing import TurnTrace

_REACTION_MS = 300.0  # nobody answers a voice faster


class Conversation:
    def __init__(self, config: MainControlConfig, outbox: Outbox, epoch_ms: Callable[[], int]) -> None:
        self.config = config
        self.outbox = outbox
        self.history = History(max_tokens=config.history_max_tokens, mark=config.interruption_mark)
        self.memory = Memory(config, outbox, self.history)
        self.memory.on_loaded = self._memory_loaded
        self.tools = Tools(outbox, self.history)
        self.listening = Listening(config, outbox)
        self.hearing = Hearing(config, self.listening, self)
        self.thinking = Thinking(config, outbox, self.history, self.tools)
        self.speaking = Speaking(config, outbox)
        self.drafting = Drafting(config, self.listening, self._wants_answer, self._begin_draft, self._discard)
        self._maker = ReplyMaker(outbox, self.listening, self.memory, self.thinking, epoch_ms)
        self._initiative = Initiative(config)
        self.keeping = Keeping(config, outbox, self.history, self.memory, self.drafting.speculation.stats)
        self.thinking.on_clauses = self.speaking.pump
        self.speaking.on_audible = lambda reply, now: self.apply(Event.AUDIBLE, now) if reply is self.reply else None
        self.speaking.on_over = self._reply_over
        self.speaking.on_failed = self._speech_failed

        self.floor = Floor.LISTENING
        self.turn_id = 0
        self.muted = False
        self.reply: Reply | None = None
        self._last_reply: Reply | None = None
        self._turn_is_open = self._answering = False
        self._respond_once: bool | None = None
        self._opened_by_barge = False
        self._reopened: tuple[int, str] | None = None
        self._answered_too_early = ""  # how the open turn begins, when it goes on after a first answer
        self._typed: str | None = None
        self._promised: tuple[str, str] | None = None  # an answer that waits for the last words of a committed turn

    # --- the floor ---------------------------------------------------------------------------------------------------

    def apply(self, event: Event, now_ms: float) -> None:
        """One event of the floor, and everything the table asks for."""
        before = self.floor
        self.floor, actions = step(before, event)
        for action in actions:
            self._actions[action](self, now_ms)
        if SHOWN[self.floor] != SHOWN[before]:
            self._show_state(now_ms)
        if self.floor is Floor.LISTENING and before is not Floor.LISTENING:
            self._floor_is_free(now_ms)

    def _show_state(self, now_ms: float) -> None:
        self.outbox.message("state", self.turn_id, now_ms, state=SHOWN[self.floor])

    def _open_turn(self, now_ms: float) -> None:
        if self._reopened is not None:
            self.turn_id, self._answered_too_early = self._reopened
            self.listening.prepend(self._answered_too_early)
            self._reopened = None
        else:
            self.turn_id += 1
        self._turn_is_open = True
        self.listening.open_turn(self.turn_id)
        self.drafting.new_turn()
        self._initiative.person_spoke()
        self.listening.show(now_ms)

    def _close_turn(self, now_ms: float) -> None:
        self.drafting.retract(now_ms)
        self.listening.close_turn()
        self._opened_by_barge = self._turn_is_open = False
        self._answered_too_early = ""
        self._respond_once = None

    def _commit(self, now_ms: float) -> None:
        """The person's turn is complete: remember it and answer."""
        typed, self._typed = self._typed, None
        text = self.listening.text if typed is None else join_segments([self.listening.text, typed])
        if not self._turn_is_open:
            self.turn_id += 1
        respond = self._wants_answer(text)
        trace = self._maker.trace_of_speech(now_ms) if typed is None else self._maker.trace_from_now(now_ms)
        self.listening.show_final(now_ms, self.turn_id, text, "speech" if typed is None else "typed")
        draft = self.drafting.adopt(text, now_ms) if respond else None
        self.keeping.user_said(self.turn_id, text, trace.epoch_ms)
        self._close_turn(now_ms)
        self.thinking.language = self._language_of(text)
        if not respond:
            self.keeping.unanswered(self.turn_id, trace, now_ms)
            self.apply(Event.REPLY_OVER, now_ms)
        elif draft is not None:
            self._adopt(draft, trace, now_ms)
        else:
            self.reply = self._maker.new(self.turn_id, "turn", trace, user_text=text)
            self._maker.ask_model(self.reply, now_ms)

    def _wants_answer(self, text: str) -> bool:
        added = text.removeprefix(self._answered_too_early).strip()
        if (self._opened_by_barge or self._answered_too_early) and is_stop(added):
            return False  # "stop" was obeyed by falling silent
        wanted = self.config.auto_response if self._respond_once is None else self._respond_once
        return wanted and not self.listening.leave_alone

    @property
    def _audible_reply(self) -> Reply:
        """The reply that the loudspeaker's volume is about; it may have ended a moment ago."""
        reply = self.reply or self._last_reply
        assert reply is not None  # the table ducks and pauses only where a reply is
        return reply

    def _cut(self, now_ms: float) -> None:
        reply, self.reply, self._last_reply = self.reply, None, self.reply
        self.hearing.barge = None
        if reply is None:
            return
        self._discard(reply)
        self.tools.interrupt(reply, now_ms)
        self._opened_by_barge = True
        if is_stop(self.listening.text):
            self._initiative.forget()  # silence was asked for
        elif reply.origin == "say" and not reply.heard_something and self.floor is Floor.HEARING:
            self._initiative.put_back(reply.text, protected=reply.protected)  # said later, not lost
        elif self._had_not_finished(reply) and self.floor is Floor.HEARING:
            # The turn goes on as if it had never been answered; only what was heard of the answer stays.
            self.keeping.user_goes_on(reply.turn_id)
            self.listening.caution.cut_off()
            self._reopened = (reply.turn_id, reply.user_text)
            self._opened_by_barge = False
            reply.taken_back = True
            if not reply.heard_something:
                return
        reply.interrupted = True
        self.keeping.cut(reply, now_ms)

    def _had_not_finished(self, reply: Reply) -> bool:
        """The sound that cut this reply began before anybody could have reacted to it: the person simply went on."""
        if not reply.user_text or reply.tool_calls:
            return False
        began_ms = reply.played_from_ms
        return not reply.heard_something or began_ms is None or self.listening.onset_ms < began_ms + _REACTION_MS

    _actions: dict[Action, Callable[[Conversation, float], None]] = {
        Action.OPEN_TURN: _open_turn,
        Action.AWAIT_END: lambda self, now: self.hearing.weigh(now),
        Action.GO_ON: lambda self, now: None,
        Action.CLOSE_TURN: _close_turn,
        Action.COMMIT: _commit,
        Action.DUCK: lambda self, now: self.speaking.duck(self._audible_reply),
        Action.UNDUCK: lambda self, now: self.speaking.unduck(self._audible_reply),
        Action.PAUSE: lambda self, now: self.speaking.pause(self._audible_reply),
        Action.RESUME: lambda self, now: self.speaking.resume(self._audible_reply, now),
        Action.CUT: _cut,
    }

    def begin(self, now_ms: float) -> None:
        """A client is there."""
        self._initiative.somebody_is_there(now_ms)
        self._show_state(now_ms)

    def set_muted(self, now_ms: float, muted: bool) -> None:
        """A muted microphone says nothing; whatever sound was being weighed was nothing."""
        if self.muted and not muted:
            self.listening.forget_unheard(now_ms)
        self.muted = muted
        if muted:
            self.listening.speaking = False
            if self.hearing.barge is not None:
                self.hearing.judge(Verdict.RESUME, now_ms)

    # --- replies -----------------------------------------------------------------------------------------------------

    def say(self, now_ms: float, text: str, *, protected: bool = False) -> None:
        """Speak this as soon as the floor is free."""
        self._initiative.add(text, protected=protected)
        self._next_saying(now_ms)

    def answer(self, now_ms: float, instructions: str = "", request_id: str = "") -> None:
        """Reply to the conversation as it stands (`create_response`); a turn that was just committed belongs to it."""
        if self.listening.force_over and self.floor is Floor.ENDING:
            self._promised = (instructions, request_id)
            return
        self._silence_for_answer(now_ms)
        self.apply(Event.SAY, now_ms)
        trace = self._maker.trace_from_now(now_ms)
        self.reply = self._maker.new(self.turn_id, "turn", trace, request_id=request_id)
        self._maker.ask_model(self.reply, now_ms, instructions)

    def _silence_for_answer(self, now_ms: float) -> None:
        """The floor is free for what comes now; announcements wait a little longer."""
        self._answering = True
        self.apply(Event.STOP, now_ms)
        self._answering = False

    def typed(self, now_ms: float, text: str, *, respond: bool | None = None) -> None:
        """A typed message is a complete turn."""
        self._typed, self._respond_once = text, respond
        self.apply(Event.TURN_OVER, now_ms)

    def commit(self, now_ms: float, *, respond: bool | None = None) -> None:
        """A button says that the person's turn is over; the recogniser still gets its last word in."""
        if self.hearing.barge is not None:
            self.hearing.judge(Verdict.CUT, now_ms)  # the sound that is being weighed was meant: the button says so
        elif self.reply is not None:
            self._silence_for_answer(now_ms)
        self.apply(Event.SPEECH_START, now_ms)
        self._respond_once = respond
        self.listening.force_over = True
        if self.floor is Floor.HEARING:
            self.hearing.speech_end(now_ms)
        self.hearing.weigh(now_ms)

    def discard_input(self, now_ms: float) -> None:
        """What the person is saying is not meant for anybody."""
        if self.reply is None:
            self.stop(now_ms)

    def stop(self, now_ms: float) -> None:
        """Silence, now; nothing that was under way or waiting is said."""
        self._initiative.forget()
        self.hearing.barge = None
        self._promised = None
        self._close_turn(now_ms)
        self.apply(Event.STOP, now_ms)
        self._opened_by_barge = False

    def find_reply(self, request_id: str) -> Reply | None:
        return next(
            (r for r in (self.reply, self.drafting.draft) if r is not None and r.request_id == request_id), None
        )

    def find_thought(self, llm_id: str) -> Reply | None:
        return next((r for r in (self.reply, self.drafting.draft) if r is not None and r.llm_id == llm_id), None)

    def audio_started(self, reply: Reply, now_ms: float) -> None:
        self.speaking.audio_started(reply, now_ms)
        if reply is self.drafting.draft:
            self.drafting.audio_ready(now_ms)
            self.hearing.weigh(now_ms)

    def _begin_draft(self, text: str, now_ms: float) -> Reply:
        trace = self._maker.trace_from_now(now_ms)
        draft = self._maker.new(self.turn_id, "turn", trace, user_text=text, draft=True)
        self.memory.search(text)
        self._maker.ask_model(draft, now_ms)
        return draft

    def _adopt(self, draft: Reply, trace: TurnTrace, now_ms: float) -> None:
        """The draft becomes the reply: what was held back may be heard, shown and done."""
        draft.draft = False
        draft.last_progress_ms = now_ms
        draft.trace.adopt(trace)
        self.reply = draft
        self.speaking.release(draft)
        self._maker.show_memories(draft, now_ms)
        self.thinking.show(draft, now_ms)
        if not draft.llm_running:
            self.thinking.run_tools(draft, now_ms)
        self.speaking.pump(draft, now_ms)

    def _discard(self, reply: Reply) -> None:
        """Nothing of this reply may be heard, said or done any more."""
        reply.over = True
        self.speaking.silence(reply)
        self.thinking.abort(reply)

    def _reply_over(self, reply: Reply, now_ms: float) -> None:
        if reply.over or reply is not self.reply:
            return
        reply.over = True
        self.reply, self._last_reply = None, reply
        self.hearing.barge = None
        self.keeping.spoken(reply, now_ms)
        self.listening.caution.went_well()
        self.apply(Event.REPLY_OVER, now_ms)
        if self.floor is Floor.HEARING and not self.listening.speaking:
            self.apply(Event.SPEECH_END, now_ms)

    def _speech_failed(self, reply: Reply, now_ms: float, code: str) -> None:
        """No apology can be spoken by a voice that failed; the page shows it, and the session goes on."""
        self.outbox.notice(code, "error", "The voice failed; the reply is shown as text.", reply.turn_id, now_ms)
        self._discard(reply)
        if reply is self.reply:
            reply.over = False
            self._reply_over(reply, now_ms)

    def module_error(self, now_ms: float, body: Body) -> None:
        """TEN's `error` of a stage: shown; and if it leaves the person without an answer, spoken."""
        self.outbox.message("error", self.turn_id, now_ms, **{k: v for k, v in body.items() if k != "type"})
        self.keeping.failed(str(body.get("module", "")), str(body.get("message", "")))
        lost = body.get("module") == names.MODULE_ASR and self.floor is Floor.ENDING and not self.listening.text
        if lost:
            self.apply(Event.NOTHING_SAID, now_ms)
            self.say(now_ms, phrase("asr_failed", self.thinking.language))

    # --- the free floor ----------------------------------------------------------------------------------------------

    def _floor_is_free(self, now_ms: float) -> None:
        self._initiative.floor_is_free(now_ms)
        self._reopened = None
        promised, self._promised = self._promised, None
        if promised is not None:
            self.answer(now_ms, *promised)
            return
        if self.listening.speaking or (self.listening.text and not self.muted):
            # The person spoke while the assistant kept the floor: now it is their turn.
            self.apply(Event.SPEECH_START, now_ms)
            if not self.listening.speaking:
                self.apply(Event.SPEECH_END, now_ms)
            return
        self._next_saying(now_ms)

    def _next_saying(self, now_ms: float) -> None:
        if self.floor is not Floor.LISTENING or self.listening.speaking or self._answering:
            return
        saying = self._initiative.take()
        if saying is None:
            return
        text, protected = saying
        self.apply(Event.SAY, now_ms)
        self.reply = self._maker.new(self.turn_id, "say", self._maker.trace_from_now(now_ms), protected=protected)
        self.thinking.speak(self.reply, now_ms, text)

    # --- time --------------------------------------------------------------------------------------------------------

    def next_ms(self) -> float:
        """When `tick` is wanted if nothing happens before."""
        due = [self.keeping.next_ms(), self.hearing.next_ms(), self.memory.next_ms()]
        if self.floor is Floor.LISTENING:
            due.append(self._initiative.prompt_due_ms())
        for reply in (self.reply, self.drafting.draft):
            if reply is not None:
                due += [self.thinking.next_ms(reply), self.speaking.next_ms(reply)]
        return min(due)

    def tick(self, now_ms: float) -> None:
        self.memory.tick(now_ms)
        self.keeping.tick(now_ms)
        self.hearing.tick(now_ms)
        for reply in (self.reply, self.drafting.draft):
            if reply is not None:
                self.thinking.tick(reply, now_ms)
                self.speaking.tick(reply, now_ms)
        if self.floor is Floor.LISTENING and now_ms >= self._initiative.prompt_due_ms():
            self.say(now_ms, self._initiative.take_prompt())

    # --- small things ------------------------------------------------------------------------------------------------

    def _language_of(self, text: str) -> str:
        if has_cjk(text):
            language = self.listening.language
            return language if language[:2] in ("zh", "ja", "ko") else "zh-CN"
        return self.config.language

    def _memory_loaded(self, last_turn: int) -> None:
        self.turn_id = max(self.turn_id, last_turn)
