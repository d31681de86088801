"""The optional memory node, used without ever waiting for it.

History is loaded when the session says hello. A search starts when a pause begins and is used if its result is there when the
model is asked; a late result serves the next turn. A finished turn is on disk before it is announced, but nobody's voice
waits for that either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stream_talk.ten import names
from stream_talk.turn.history import History
from stream_talk.turn.words import same_words

from .config import MainControlConfig
from .outbox import Body, Outbox

Done = Callable[[float], None]


class Memory:
    def __init__(self, config: MainControlConfig, outbox: Outbox, history: History) -> None:
        self._config = config
        self._outbox = outbox
        self._history = history
        self._present = True  # until the first command finds nobody
        self._last_query = ""
        self.incognito = False
        self.items: list[dict[str, Any]] = []
        self.on_loaded: Callable[[int], None] = lambda _last_turn: None
        self._waiting: Done | None = None
        self._wait_until_ms = float("inf")

    @property
    def _usable(self) -> bool:
        return self._present and not self.incognito

    def load(self, now_ms: float, done: Done) -> None:
        """`done` is called when what was said before is known, at once when nobody remembers, and soon in any case."""
        if not self._usable or self._config.memory_turns <= 0:
            done(now_ms)
            return
        self._waiting, self._wait_until_ms = done, now_ms + self._config.memory_load_ms
        body = {
            "session_id": self._outbox.session_id,
            "max_turns": self._config.memory_turns,
            "max_tokens": self._config.history_max_tokens,
        }
        self._outbox.ask(names.MEMORY_LOAD, body, self._loaded)

    def _loaded(self, now_ms: float, ok: bool, body: Body) -> None:
        self._note(ok, body)
        if ok:
            self.on_loaded(int(body.get("last_turn") or 0))
            if not self._history.entries and (body.get("messages") or body.get("summary")):
                self._history.restore(body.get("messages") or [], str(body.get("summary") or ""))
        self._go_on(now_ms)

    def _go_on(self, now_ms: float) -> None:
        done, self._waiting, self._wait_until_ms = self._waiting, None, float("inf")
        if done is not None:
            done(now_ms)

    def next_ms(self) -> float:
        return self._wait_until_ms

    def tick(self, now_ms: float) -> None:
        """A disk that hangs must not keep the person waiting."""
        if now_ms >= self._wait_until_ms:
            self._go_on(now_ms)

    def search(self, query: str) -> None:
        if self._usable and query and not same_words(query, self._last_query):
            self._last_query = query
            body = {
                "session_id": self._outbox.session_id,
                "query": query,
                "budget_ms": round(self._config.memory_budget_ms),
            }
            self._outbox.ask(names.MEMORY_SEARCH, body, self._found)

    def _found(self, _now_ms: float, ok: bool, body: Body) -> None:
        self._note(ok, body)
        if ok:
            self.items = [item for item in body.get("items") or [] if isinstance(item, dict) and item.get("text")]

    def take(self) -> list[dict[str, Any]]:
        """What is known in time for this reply."""
        items, self.items = self.items, []
        return items

    def append(self, turn_id: int, entries: list[Body], events: list[Body], done: Done, now_ms: float) -> None:
        """`done` is called when the turn is stored, or at once when there is nobody to store it."""
        if not self._usable or not entries:
            done(now_ms)
            return

        def answered(at_ms: float, ok: bool, body: Body) -> None:
            self._note(ok, body)
            done(at_ms)

        body = {"session_id": self._outbox.session_id, "turn_id": turn_id, "entries": entries, "events": events}
        self._outbox.ask(names.MEMORY_APPEND, body, answered)

    def clear(self) -> None:
        if self._usable:
            self._outbox.ask(
                names.MEMORY_CLEAR, {"session_id": self._outbox.session_id}, lambda _now, ok, b: self._note(ok, b)
            )

    def _note(self, ok: bool, body: Body) -> None:
        if not ok and body.get("not_connected"):
            self._present = False
