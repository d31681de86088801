"""Tools by TEN's conventions: nodes register themselves, the model asks for them, and they run once the turn is certain.

The client may have functions of its own: it is asked with a `tool` message, and answers with `tool_result`.

A call is *held* while its reply is only a draft, so speculation has no effects. At an interruption a running call is kept
(its result is remembered for the next turn) unless the tool registered `on_interrupt: cancel`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stream_talk.ten import names
from stream_talk.turn.history import Entry, History

from .outbox import Body, Outbox
from .reply import PendingToolCall, Reply

TOOL_CANCEL = "tool_cancel"
_CLIENT = "the client"  # as the source of a tool
Answered = Callable[[Reply, PendingToolCall, float, bool, Body], None]


@dataclass(frozen=True, slots=True)
class RegisteredTool:
    schema: dict[str, Any]
    source: Any  # where it came from: the way back
    cancels: bool


class Tools:
    def __init__(self, outbox: Outbox, history: History) -> None:
        self._outbox = outbox
        self._history = history
        self._tools: dict[str, RegisteredTool] = {}
        self._asked: dict[str, Callable[[float, bool, Body], None]] = {}

    def of_client(self, tools: list[Body]) -> None:
        """The client's functions; they replace those it named before."""
        self._tools = {name: tool for name, tool in self._tools.items() if tool.source is not _CLIENT}
        for tool in tools:
            self.register(tool, _CLIENT)

    def client_answers(self, now_ms: float, call_id: str, output: str) -> None:
        answered = self._asked.pop(call_id, None)
        if answered is not None:
            answered(now_ms, True, {"tool_result": {"type": "llmresult", "content": output}})

    def register(self, tool: Body, source: Any) -> bool:
        name = str(tool.get("name", ""))
        if not name:
            return False
        schema = {key: tool[key] for key in ("name", "description", "parameters") if key in tool}
        self._tools[name] = RegisteredTool(schema, source, tool.get("on_interrupt") == "cancel")
        return True

    def schemas(self) -> list[dict[str, Any]]:
        return [tool.schema for tool in self._tools.values()]

    def call(self, reply: Reply, call: PendingToolCall, now_ms: float, answered: Answered) -> None:
        tool = self._tools.get(call.name)
        if tool is None:
            answered(reply, call, now_ms, False, {"detail": f"there is no tool named {call.name}"})
            return
        if tool.source is _CLIENT:
            self._asked[call.call_id] = lambda at_ms, ok, body: answered(reply, call, at_ms, ok, body)
            self._show(reply, call, now_ms, state="asked", more=self._more_to_ask(reply))
            return
        self._show(reply, call, now_ms)
        self._outbox.ask(
            names.TOOL_CALL,
            {"name": call.name, "arguments": call.arguments, "call_id": call.call_id},
            lambda at_ms, ok, body: answered(reply, call, at_ms, ok, body),
            to=tool.source,
        )

    def _more_to_ask(self, reply: Reply) -> bool:
        held = (self._tools.get(call.name) for call in reply.tool_calls if call.state == "held")
        return any(tool is not None and tool.source is _CLIENT for tool in held)

    def interrupt(self, reply: Reply, now_ms: float) -> None:
        """The person took the floor: nothing held is started, and what can be cancelled is."""
        for call in reply.tool_calls:
            tool = self._tools.get(call.name)
            if call.state == "held":
                call.state = "cancelled"
            elif call.state == "running" and tool is not None and tool.cancels and tool.source is not _CLIENT:
                call.state = "cancelled"
                self._outbox.ask(TOOL_CANCEL, {"name": call.name, "call_id": call.call_id}, _ignored, to=tool.source)
                self._record(reply, call, now_ms, "cancelled: the person interrupted")
                self._show(reply, call, now_ms)

    def remember(self, reply: Reply, call: PendingToolCall, now_ms: float, ok: bool, body: Body) -> None:
        """The result becomes part of the history, for this reply's next round or for the next turn."""
        result = body.get("tool_result") if ok else None
        if isinstance(result, str):
            result = _parsed(result)
        if not isinstance(result, dict):
            result = {"type": "llmresult", "content": str(body.get("detail") or "the tool failed")}
        content = result.get("content", "")
        if result.get("type") == "requery":
            # The tool looked something up that the model has to see itself (a picture, say): attach it and ask again.
            self._record(reply, call, now_ms, "see the following message")
            self._add(reply, now_ms, {"role": "user", "content": content})
        else:
            self._record(
                reply, call, now_ms, content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            )
        self._show(reply, call, now_ms, result=content)

    def _record(self, reply: Reply, call: PendingToolCall, now_ms: float, output: str) -> None:
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        self._add(
            reply,
            now_ms,
            {
                "type": "function_call",
                "role": "assistant",
                "id": call.call_id,
                "call_id": call.call_id,
                "name": call.name,
                "arguments": arguments,
            },
        )
        self._add(
            reply,
            now_ms,
            {"type": "function_call_output", "role": "tool", "call_id": call.call_id, "output": output},
        )

    def _add(self, reply: Reply, now_ms: float, message: Body) -> None:
        self._history.add(Entry(str(message["role"]), "", reply.turn_id, round(now_ms), tool=message))

    def _show(
        self,
        reply: Reply,
        call: PendingToolCall,
        now_ms: float,
        result: Any = None,
        state: str = "",
        more: bool | None = None,
    ) -> None:
        asked = {} if more is None else {"more": more, "request_id": reply.request_id, "generation": reply.generation}
        self._outbox.message(
            "tool",
            reply.turn_id,
            now_ms,
            name=call.name,
            call_id=call.call_id,
            arguments=call.arguments,
            state=state or call.state,
            result=result,
            **asked,
        )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"type": "llmresult", "content": text}


def _ignored(_now_ms: float, _ok: bool, _body: Body) -> None:
    """Nobody waits for this answer."""
