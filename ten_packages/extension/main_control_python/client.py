"""What a person does that is not sound: the `client_event` messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from stream_talk.turn.policy import Event, Floor

from .conversation import Conversation
from .outbox import Body

# Setting on the wire -> property of the configuration.
_SETTINGS = {
    "voice": "voice",
    "rate": "rate",
    "patience": "patience",
    "interruption": "interruption",
    "mode": "mode",
    "lang": "language",
    "auto_response": "auto_response",
    "instructions": "prompt",
    "output": "output",
}
# What makes sense before it is known what was said earlier.
_AT_ANY_TIME = ("stop", "cancel_response", "mute", "settings", "bye")


class ClientEvents:
    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._greeted = self._button_down = False
        self._early: list[Body] | None = None  # events that wait for the earlier conversation
        self._handlers: dict[str, Callable[[float, Body], None]] = {
            "hello": self._hello,
            "stop": lambda now, _body: conversation.stop(now),
            "cancel_response": lambda now, _body: conversation.stop(now),
            "text": self._text,
            "mute": self._mute,
            "push_to_talk": self._push_to_talk,
            "commit": lambda now, body: conversation.commit(now, respond=body.get("respond")),
            "clear": self._clear,
            "settings": self._settings,
            "truncate": self._truncate,
            "create_response": lambda now, body: conversation.answer(
                now, str(body.get("instructions") or ""), str(body.get("request_id") or "")
            ),
            "say": self._say,
            "history": lambda _now, body: conversation.history.restore(body.get("messages") or []),
            "tools": lambda _now, body: conversation.tools.of_client(body["tools"]),
            "tool_result": lambda now, body: conversation.tools.client_answers(
                now, str(body["call_id"]), str(body["output"])
            ),
            "discard_input": lambda now, _body: conversation.discard_input(now),
            "bye": lambda now, _body: conversation.stop(now),
        }

    def handle(self, now_ms: float, body: Body) -> None:
        kind = str(body.get("type", ""))
        handler = self._handlers.get(kind)
        if handler is None:
            self._refuse(now_ms, f"There is no client event {kind!r}.")
            return
        if self._early is not None and kind not in _AT_ANY_TIME:
            self._early.append(body)
            return
        try:
            handler(now_ms, body)
        except (TypeError, ValueError, KeyError) as error:  # fields of a wrong type: refused, the session goes on
            self._refuse(now_ms, f"The client event {kind!r} is malformed: {error}")

    def _hello(self, now_ms: float, body: Body) -> None:
        conversation = self._conversation
        conversation.memory.incognito = bool(body.get("incognito"))
        settings = dict(body.get("settings") or {})
        if body.get("lang"):
            settings.setdefault("lang", body["lang"])
        self._settings(now_ms, settings)
        conversation.begin(now_ms)
        self._early = []
        conversation.memory.load(now_ms, self._begin)

    def _begin(self, now_ms: float) -> None:
        """What was said earlier is known: greet a stranger, not somebody in the middle of a conversation, and hear what waited."""
        conversation, early = self._conversation, self._early or []
        self._early = None
        restored = any(body.get("type") == "history" for body in early)
        if not self._greeted and not restored and not conversation.history.entries and conversation.config.greeting:
            conversation.say(now_ms, conversation.config.greeting, protected=conversation.config.protect_greeting)
        self._greeted = True
        for body in early:
            self.handle(now_ms, body)

    def _text(self, now_ms: float, body: Body) -> None:
        text = str(body["text"]).strip()
        if text:
            self._conversation.typed(now_ms, text, respond=body.get("respond"))

    def _say(self, now_ms: float, body: Body) -> None:
        text = str(body["text"]).strip()
        if text:
            self._conversation.say(now_ms, text, protected=bool(body.get("protected")))

    def _mute(self, now_ms: float, body: Body) -> None:
        conversation = self._conversation
        muted = bool(body["on"])
        if muted and not conversation.muted and conversation.floor is Floor.HEARING:
            conversation.listening.force_over = True  # what was said counts; more will not come
            conversation.hearing.speech_end(now_ms)
        conversation.set_muted(now_ms, muted)

    def _push_to_talk(self, now_ms: float, body: Body) -> None:
        conversation = self._conversation
        was_down, self._button_down = self._button_down, bool(body["down"])
        if self._button_down:
            conversation.stop(now_ms)
            conversation.hearing.speech_start(now_ms, 0.0, 0.0)
            conversation.listening.forget_unheard(now_ms)
        elif conversation.floor is Floor.HEARING:
            conversation.listening.force_over = True
            conversation.hearing.speech_end(now_ms)
        elif was_down:  # something was typed meanwhile, and is being answered
            conversation.listening.speaking = False
            conversation.listening.forget_unheard(now_ms)

    def _clear(self, now_ms: float, _body: Body) -> None:
        self._conversation.stop(now_ms)
        self._conversation.keeping.clear()

    def _truncate(self, now_ms: float, body: Body) -> None:
        conversation = self._conversation
        turn_id, end_ms = int(body["turn_id"]), float(body["audio_end_ms"])
        if conversation.reply is not None and conversation.reply.turn_id == turn_id:
            conversation.apply(Event.STOP, now_ms)
        conversation.keeping.truncate(turn_id, end_ms, now_ms)

    def _settings(self, now_ms: float, body: Body) -> None:
        config = self._conversation.config
        for name, value in body.items():
            field = _SETTINGS.get(name)
            if field is None or value is None:
                continue
            try:
                setattr(config, field, value)
            except ValidationError as error:
                self._refuse(now_ms, f"The setting {name} cannot be {value!r}: {_reason(error)}")
        self._conversation.thinking.language = config.language

    def _refuse(self, now_ms: float, text: str) -> None:
        self._conversation.outbox.notice("bad_client_event", "warning", text, self._conversation.turn_id, now_ms)


def _reason(error: ValidationError) -> str:
    first: Any = error.errors()[0]
    return str(first.get("msg", "wrong value"))
