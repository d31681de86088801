"""What the conversation remembers: only what was really said and really heard, within a token budget.

An assistant entry holds heard text. One that was cut off ends with the interruption mark for the model, and says so with
`interrupted` for everybody else. A reply of which nothing was heard leaves no entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stream_talk.turn.words import is_cjk

INTERRUPTION_MARK = " —"


def estimated_tokens(text: str) -> int:
    """Near enough for a budget: a token per CJK character, one per four others."""
    cjk = sum(1 for character in text if is_cjk(character))
    return cjk + (len(text) - cjk + 3) // 4 + 4


@dataclass(slots=True)
class Entry:
    role: str
    text: str
    turn_id: int
    ts_ms: int = 0
    interrupted: bool = False
    full_text: str = ""
    request_id: str = ""
    tool: dict[str, Any] = field(default_factory=dict)  # a function call or its output, in TEN's message shape
    tokens: int = 0

    def message(self, mark: str) -> dict[str, Any]:
        if self.tool:
            return dict(self.tool)
        return {"role": self.role, "content": self.text + (mark if self.interrupted else "")}


class History:
    def __init__(self, *, max_tokens: int = 3000, mark: str = INTERRUPTION_MARK) -> None:
        self._max_tokens = max_tokens
        self._mark = mark
        self._entries: list[Entry] = []
        self.summary = ""

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    def add(self, entry: Entry) -> None:
        entry.tokens = estimated_tokens(entry.text or str(entry.tool))
        self._entries.append(entry)
        self._forget_oldest()

    def take_back(self, turn_id: int) -> None:
        """The person's words of this turn were not all: they are added again when the turn is really over."""
        self._entries = [e for e in self._entries if e.turn_id != turn_id or e.role != "user" or e.tool]

    def put_heard(self, heard: Entry) -> None:
        """What was heard of a reply is now known (better): one entry per `request_id`, none when nothing was heard."""
        heard.tokens = estimated_tokens(heard.text)
        place = len(self._entries)
        for index, entry in enumerate(self._entries):
            if entry.turn_id == heard.turn_id:
                place = index + 1
            if entry.request_id == heard.request_id:
                del self._entries[index]
                place = index
                break
        if heard.text:
            self._entries.insert(place, heard)
            self._forget_oldest()

    def restore(self, messages: Iterable[Mapping[str, Any]], summary: str = "") -> None:
        """Replace everything by a conversation held elsewhere (another graph, a stored session)."""
        self.clear()
        self.summary = summary
        for message in messages:
            role, content = str(message.get("role", "")), message.get("content", message.get("text", ""))
            if role in ("user", "assistant") and isinstance(content, str) and content.strip():
                self.add(
                    Entry(role, content, int(message.get("turn_id", 0)), interrupted=bool(message.get("interrupted")))
                )

    def clear(self) -> None:
        self._entries.clear()
        self.summary = ""

    def messages(self, prompt: str = "", memories: Iterable[str] = ()) -> list[dict[str, Any]]:
        """For the language model: the prompt, what is known, and the newest entries that fit."""
        system = [part for part in (prompt, self._known(memories)) if part]
        head = [{"role": "system", "content": "\n\n".join(system)}] if system else []
        return head + [entry.message(self._mark) for entry in self._entries]

    def last_assistant_text(self) -> str:
        return next((e.text for e in reversed(self._entries) if e.role == "assistant" and not e.tool), "")

    def _known(self, memories: Iterable[str]) -> str:
        lines = [f"- {text}" for text in memories]
        parts = [f"Summary of the conversation so far: {self.summary}"] if self.summary else []
        if lines:
            parts.append("What you remember about this person:\n" + "\n".join(lines))
        return "\n\n".join(parts)

    def _forget_oldest(self) -> None:
        total = sum(entry.tokens for entry in self._entries)
        while total > self._max_tokens and len(self._entries) > 1:
            total -= self._entries.pop(0).tokens
            # A tool's output without its call, or a reply without its question, only confuses a model.
            while len(self._entries) > 1 and self._entries[0].role != "user":
                total -= self._entries.pop(0).tokens
