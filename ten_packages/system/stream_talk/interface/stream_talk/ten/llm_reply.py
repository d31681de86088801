"""One chat completion's answer: engine events in, TEN's streamed results out, and the moments worth measuring.

Tokens that come within a millisecond of each other travel as one delta, because every message costs its receivers more than its
text does. A token with a punctuation mark is handed on at once: a clause may end there, and a voice waits for it.
"""

from __future__ import annotations

import re
from typing import Any

from ten_runtime import Cmd, CmdResult

from stream_talk import clock
from stream_talk.engines.interfaces import LlmEvent, TextDelta, ToolCall, Usage
from stream_talk.ten import messages

MERGE_MS = 1.0
_SENTENCE_END = re.compile(r"[.!?。！？…\n]")  # good enough to measure by; the control node splits properly
_CLAUSE_MARK = re.compile(r"[.!?;:,。！？；：，、…\n]")


class ReplyWriter:
    def __init__(self, cmd: Cmd, request_id: str, *, streaming: bool) -> None:
        self._cmd = cmd
        self._response_id = request_id
        self._created = clock.epoch_ms() // 1000
        self._streaming = streaming
        self._content = ""
        self._reasoning = ""
        self._unsent = ""
        self._unsent_reasoning = ""
        self._sentence_done = False
        self.moments: list[str] = []  # metric keys whose moment has come and that nobody has reported yet
        self.started = False
        self.usage: Usage | None = None

    def add(self, event: LlmEvent) -> list[CmdResult]:
        """The results that are due now. What is held for merging comes with a later one, or with `flush`."""
        if isinstance(event, Usage):
            self.usage = event
            return []
        if not self.started:
            self.started = True
            self.moments.append("ttft")
        if isinstance(event, ToolCall):
            body = {
                "id": event.call_id,
                "tool_call_id": event.call_id,
                "name": event.name,
                "arguments": event.arguments,
            }
            return [*self.flush(), self._result("tool_call_content", body)]
        if event.reasoning:
            self._reasoning += event.text
            self._unsent_reasoning += event.text
            return []
        self._take_text(event)
        return self.flush() if _CLAUSE_MARK.search(event.text) else []

    @property
    def holds(self) -> bool:
        """Something waits for `flush`, which is due `MERGE_MS` after it came."""
        return self._streaming and bool(self._unsent or self._unsent_reasoning)

    def flush(self) -> list[CmdResult]:
        if not self._streaming:
            return []
        results: list[CmdResult] = []
        if self._unsent_reasoning:
            body = {"role": "assistant", "delta": self._unsent_reasoning, "content": self._reasoning}
            results.append(self._result("message_reasoning_delta", body))
            self._unsent_reasoning = ""
        if self._unsent:
            body = {"role": "assistant", "delta": self._unsent, "content": self._content}
            results.append(self._result("message_content_delta", body))
            self._unsent = ""
        return results

    def finish(self) -> list[CmdResult]:
        results = self.flush()
        if self._reasoning:
            results.append(self._result("message_reasoning_done", {"role": "assistant", "content": self._reasoning}))
        if self._content:
            results.append(self._result("message_content_done", {"role": "assistant", "content": self._content}))
        return results

    def _take_text(self, event: TextDelta) -> None:
        self._content += event.text
        self._unsent += event.text
        if not self._sentence_done and _SENTENCE_END.search(event.text):
            self._sentence_done = True
            self.moments.append("ttfs")

    def _result(self, kind: str, body: dict[str, Any]) -> CmdResult:
        tree = {"type": kind, "response_id": self._response_id, "created": self._created, **body}
        return messages.result(self._cmd, tree, final=False)
