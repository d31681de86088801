"""The assistant's thoughts: asking the language model, cutting its stream into clauses, and the rounds with tools.

A model that fails, stalls or never stops is dealt with here: a short apology in the person's language takes the place of
what is missing, and the session lives on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stream_talk.ten import names
from stream_talk.turn.history import History

from .config import MainControlConfig
from .outbox import Body, Outbox
from .phrases import phrase
from .reply import PendingToolCall, Reply
from .tools import Tools

_SHOW_EVERY_MS = 40.0  # captions follow the model closely enough at this pace; the first words are shown at once


class Thinking:
    def __init__(self, config: MainControlConfig, outbox: Outbox, history: History, tools: Tools) -> None:
        self._config = config
        self._outbox = outbox
        self._history = history
        self._tools = tools
        self.language = config.language
        self.on_clauses: Callable[[Reply, float], None] = lambda _reply, _now: None

    def start(self, reply: Reply, now_ms: float, instructions: str = "") -> None:
        """Put the conversation (for a draft: with the words that may still change) to the model."""
        reply.llm_id = f"llm-{reply.generation}-{reply.tool_rounds}"
        reply.llm_started_ms = reply.llm_last_ms = now_ms
        reply.llm_running, reply.llm_done = True, False
        body: Body = {
            "request_id": reply.llm_id,
            "messages": self._messages(reply, instructions),
            "streaming": True,
            "tools": self._tools.schemas() if reply.tool_rounds < self._config.max_tool_rounds else [],
            "parameters": dict(self._config.llm_parameters),
        }
        self._outbox.chat(reply.llm_id, body)

    def speak(self, reply: Reply, now_ms: float, text: str) -> None:
        """Words that need no model."""
        self._add_text(reply, text)
        self._complete(reply, now_ms)

    def _messages(self, reply: Reply, instructions: str) -> list[dict[str, Any]]:
        messages = self._history.messages(self._config.prompt, (str(item["text"]) for item in reply.memories))
        if reply.draft:
            messages.append({"role": "user", "content": reply.user_text})
        if reply.text and reply.tool_rounds:
            last_user = max((i for i, m in enumerate(messages) if m.get("role") == "user"), default=len(messages) - 1)
            messages.insert(last_user + 1, {"role": "assistant", "content": reply.text})
        if instructions:
            messages.append({"role": "system", "content": instructions})
        return messages

    # --- the stream --------------------------------------------------------------------------------------------------

    def on_event(self, reply: Reply, now_ms: float, event: Body) -> None:
        if not reply.llm_running:
            return
        reply.llm_last_ms = now_ms
        kind = event.get("type")
        if kind == "message_content_delta":
            self._first_token(reply, now_ms)
            self._add_text(reply, str(event.get("delta") or ""))
            if len(reply.text) >= self._config.max_reply_chars:
                self._outbox.notice("reply_too_long", "warning", "The reply was cut short.", reply.turn_id, now_ms)
                self.abort(reply)
                self._complete(reply, now_ms)
                return
            self.on_clauses(reply, now_ms)
            self.show(reply, now_ms)
        elif kind == "message_reasoning_delta":
            reply.reasoning += str(event.get("delta") or "")
        elif kind == "tool_call_content":
            self._first_token(reply, now_ms)
            self._want_tool(reply, event)

    def on_end(self, reply: Reply, now_ms: float, ok: bool, body: Body) -> None:
        if not reply.llm_running:
            return
        reply.llm_running = False
        reply.trace.span("llm", "llm", reply.llm_started_ms, now_ms)
        if not ok:
            detail = str(body.get("message") or body.get("error") or body.get("detail") or "no answer")
            self.failed(reply, now_ms, f"The language model failed: {detail}")
        elif reply.waits_for_tools:
            self.run_tools(reply, now_ms)
        elif reply.tool_rounds and not reply.text.strip():
            self.failed(reply, now_ms, "The language model asked for tools only and said nothing.")
        else:
            self._complete(reply, now_ms)

    def _first_token(self, reply: Reply, now_ms: float) -> None:
        if reply.llm_first_ms is None:
            reply.llm_first_ms = now_ms
            reply.trace.span("first_token", "llm", reply.llm_started_ms, now_ms)

    def _add_text(self, reply: Reply, text: str) -> None:
        reply.text += text
        reply.clauses.extend(clause.text for clause in reply.splitter.feed(text))

    def _complete(self, reply: Reply, now_ms: float) -> None:
        reply.llm_running, reply.llm_done = False, True
        reply.clauses.extend(clause.text for clause in reply.splitter.finish())
        self.show(reply, now_ms)
        self.on_clauses(reply, now_ms)

    def show(self, reply: Reply, now_ms: float) -> None:
        """Captions; a draft shows nothing."""
        final = reply.llm_done
        if reply.draft or (not final and now_ms < reply.shown_ms + _SHOW_EVERY_MS):
            return
        delta = reply.text[reply.shown_chars :]
        if not delta and not final:
            return
        reply.shown_chars, reply.shown_ms = len(reply.text), now_ms
        self._outbox.message(
            "assistant_text",
            reply.turn_id,
            now_ms,
            delta=delta,
            text=reply.text,
            final=final,
            generation=reply.generation,
            request_id=reply.request_id,
            reasoning=False,
        )

    # --- what can go wrong -------------------------------------------------------------------------------------------

    def failed(self, reply: Reply, now_ms: float, what: str) -> None:
        """The person hears a short apology instead of silence."""
        self._outbox.notice("llm_failed", "error", what, reply.turn_id, now_ms)
        code = "llm_broke_off" if reply.text.strip() else "llm_failed"
        lead = " " if reply.text and not reply.text[-1].isspace() else ""
        reply.clauses.extend(clause.text for clause in reply.splitter.finish())
        self._add_text(reply, lead + phrase(code, self.language))
        self._complete(reply, now_ms)

    def abort(self, reply: Reply) -> None:
        if reply.llm_running:
            reply.llm_running = False
            self._outbox.tell(names.ABORT, {"request_id": reply.llm_id})

    def next_ms(self, reply: Reply) -> float:
        due = reply.llm_last_ms + self._config.llm_timeout_ms if reply.llm_running else float("inf")
        return min([due, *(call.deadline_ms for call in reply.tool_calls if call.state == "running")])

    def tick(self, reply: Reply, now_ms: float) -> None:
        if reply.llm_running and now_ms >= reply.llm_last_ms + self._config.llm_timeout_ms:
            self.abort(reply)
            self.failed(reply, now_ms, "The language model does not answer.")
        for call in reply.tool_calls:
            if call.state == "running" and now_ms >= call.deadline_ms:
                self.tool_answered(reply, call, now_ms, False, {"detail": "the tool did not answer in time"})

    # --- tools -------------------------------------------------------------------------------------------------------

    def _want_tool(self, reply: Reply, event: Body) -> None:
        if reply.tool_rounds >= self._config.max_tool_rounds:
            return  # none was offered any more
        arguments = event.get("arguments")
        call = PendingToolCall(
            str(event.get("tool_call_id") or event.get("id") or f"call-{reply.generation}-{len(reply.tool_calls)}"),
            str(event.get("name", "")),
            arguments if isinstance(arguments, dict) else {},
        )
        reply.tool_calls.append(call)

    def run_tools(self, reply: Reply, now_ms: float) -> None:
        """Start the calls that were held; a draft's calls stay held until its turn is committed."""
        for call in reply.tool_calls:
            if call.state != "held":
                continue
            if reply.draft:
                continue
            call.state = "running"
            call.deadline_ms = now_ms + self._config.tool_timeout_ms
            self._tools.call(reply, call, now_ms, self.tool_answered)

    def tool_answered(self, reply: Reply, call: PendingToolCall, now_ms: float, ok: bool, body: Body) -> None:
        if call.state != "running":
            return
        call.state = "done"
        self._tools.remember(reply, call, now_ms, ok, body)
        if reply.over or reply.waits_for_tools or reply.llm_running:
            return  # interrupted: remembered, but not talked about; or others are still running
        reply.tool_rounds += 1
        self.start(reply, now_ms)
