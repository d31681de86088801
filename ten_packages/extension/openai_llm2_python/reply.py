"""Chunks of a chat completion as engine events: text, reasoning, tool calls, usage. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stream_talk.engines.interfaces import LlmEvent, TextDelta, ToolCall, Usage
from stream_talk.llm.reasoning import ReasoningSplitter
from stream_talk.llm.tools import parse_arguments

MAX_TOOL_CALLS = 32


@dataclass(slots=True)
class _Call:
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class ServerError(RuntimeError):
    """The server said that it failed, inside a stream that began well."""


class ReplyReader:
    def __init__(self, *, starts_in_reasoning: bool = False) -> None:
        self._splitter = ReasoningSplitter(starts_inside=starts_in_reasoning)
        self._calls: dict[int, _Call] = {}
        self.understood = False
        """True once anything looked like a chat completion."""
        self.finished = False

    def feed(self, chunk: Mapping[str, Any]) -> Iterator[LlmEvent]:
        if chunk.get("error"):
            raise ServerError(error_text(chunk))
        usage = chunk.get("usage")
        choices = chunk.get("choices")
        if isinstance(choices, list):
            self.understood = True
            for choice in choices[:1]:
                if isinstance(choice, Mapping):
                    yield from self._choice(choice)
        if isinstance(usage, Mapping):
            yield Usage(_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))

    def finish(self) -> Iterator[LlmEvent]:
        """Text that was held back, then the tool calls, complete now."""
        yield from self._splitter.finish()
        calls, self._calls = self._calls, {}
        for index, call in sorted(calls.items()):
            yield ToolCall(call.call_id or f"call_{index}", call.name, parse_arguments(call.name, call.arguments))

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[LlmEvent]:
        # `message` is what a server sends that ignores `stream`.
        delta = choice.get("delta") or choice.get("message") or {}
        if not isinstance(delta, Mapping):
            return
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str):
            yield TextDelta(thought, reasoning=True)
        text = delta.get("content") or delta.get("refusal") or choice.get("text")
        if isinstance(text, list):
            text = "".join(str(part.get("text", "")) for part in text if isinstance(part, Mapping))
        if isinstance(text, str):
            yield from self._splitter.feed(text)
        for position, fragment in enumerate(delta.get("tool_calls") or ()):
            if isinstance(fragment, Mapping):
                self._assemble(position, fragment)
        self.finished = self.finished or bool(choice.get("finish_reason"))

    def _assemble(self, position: int, fragment: Mapping[str, Any]) -> None:
        index = fragment.get("index")
        index = index if isinstance(index, int) else position
        if index not in self._calls and len(self._calls) >= MAX_TOOL_CALLS:
            raise ServerError(f"more than {MAX_TOOL_CALLS} tool calls in one reply")
        call = self._calls.setdefault(index, _Call())
        function = fragment.get("function") or {}
        call.call_id = call.call_id or str(fragment.get("id") or "")
        call.name = call.name or str(function.get("name") or "")
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.arguments += arguments


def error_text(body: Any) -> str:
    """The sentence inside the many shapes of error bodies."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or error.get("code") or error
    return str(error)[:300]


def _count(usage: Mapping[str, Any], key: str) -> int | None:
    value = usage.get(key)
    return value if isinstance(value, int) else None
