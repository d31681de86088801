"""What was said so far, as the client was told: enough to carry a conversation into another graph."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

MAX_MESSAGES = 200


class HistoryLog:
    """Follows the `message` stream of a session. The person's words count when they are final, a reply's when they were heard."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[Any, str], str] = OrderedDict()
        self._replaced = 0

    def follow(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind == "user_text" and message.get("final"):
            self._put((message.get("turn_id"), "user"), str(message.get("text", "")))
        elif kind == "heard":
            key = (message.get("turn_id"), "assistant")
            self._put(key, str(message.get("heard_text", "")))

    def _put(self, key: tuple[Any, str], text: str) -> None:
        if text.strip():
            self._said[key] = text
        else:
            self._said.pop(key, None)
        while len(self._said) > MAX_MESSAGES:
            self._said.popitem(last=False)

    def clear(self) -> None:
        self._said.clear()

    def replace(self, messages: list[dict[str, Any]]) -> None:
        self._said.clear()
        for message in messages[-MAX_MESSAGES:]:
            self._replaced += 1
            self._said[(f"restored-{self._replaced}", str(message.get("role")))] = str(message.get("content", ""))

    def messages(self) -> list[dict[str, str]]:
        return [{"role": role, "content": text} for (_, role), text in self._said.items()]
