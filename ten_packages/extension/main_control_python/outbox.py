"""What the conversation wants done. The collaborators decide synchronously and put their wishes here; the extension carries
them out in order. That keeps every decision free of I/O and every handler atomic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stream_talk.ten import names

Body = dict[str, Any]
# (now_ms, ok, body); ok is False also when nobody is wired to the command
Answer = Callable[[float, bool, Body], None]


@dataclass(frozen=True, slots=True)
class Say:
    """A data message."""

    name: str
    body: Body


@dataclass(frozen=True, slots=True)
class Tell:
    """A command whose result nobody waits for."""

    name: str
    body: Body


@dataclass(frozen=True, slots=True)
class Ask:
    """A command whose single result is wanted. `to` is the node that registered a tool, otherwise the graph routes."""

    name: str
    body: Body
    answer: Answer
    to: Any = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat_completion; its streaming results come back through `Thinking.on_event` and `on_end`."""

    llm_id: str
    body: Body


Wish = Say | Tell | Ask | Chat


class Outbox:
    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._wishes: list[Wish] = []

    def take(self) -> list[Wish]:
        wishes, self._wishes = self._wishes, []
        return wishes

    def data(self, name: str, body: Body) -> None:
        self._wishes.append(Say(name, body))

    def tell(self, name: str, body: Body) -> None:
        self._wishes.append(Tell(name, body))

    def ask(self, name: str, body: Body, answer: Answer, to: Any = None) -> None:
        self._wishes.append(Ask(name, body, answer, to))

    def chat(self, llm_id: str, body: Body) -> None:
        self._wishes.append(Chat(llm_id, body))

    def message(self, kind: str, turn_id: int, ts_ms: float, **fields: Any) -> None:
        """One `message` for whoever watches (docs/messages.md)."""
        body = {"type": kind, "session_id": self.session_id, "turn_id": turn_id, "ts_ms": round(ts_ms), **fields}
        self._wishes.append(Say(names.MESSAGE, body))

    def notice(self, code: str, level: str, text: str, turn_id: int, ts_ms: float) -> None:
        self.message("notice", turn_id, ts_ms, code=code, level=level, text=text)
