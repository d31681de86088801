"""TEN's chat_completion request as the body of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stream_talk.engines.interfaces import LlmRequest
from stream_talk.llm.tools import function_schema

from .params import OpenAiParams

# Refused by one server or another; a request is repeated without the one that an error names.
OPTIONAL_FIELDS = (
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "chat_template_kwargs",
    "stop",
)
_OURS = frozenset(("model", "messages", "stream", "tools"))


def request_body(request: LlmRequest, config: OpenAiParams, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(request.messages, config.prompt),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if config.temperature is not None:
        body["temperature"] = config.temperature
    if config.max_tokens is not None:
        body[config.known.max_tokens_field] = config.max_tokens
    if config.thinking == "off":
        body.update(config.known.thinking_off)
    body.update(config.extra_body)
    body.update({key: value for key, value in request.parameters.items() if key not in _OURS and value is not None})
    if request.tools:
        body["tools"] = [function_schema(tool) for tool in request.tools]
    return body


def _messages(messages: Sequence[Mapping[str, Any]], prompt: str) -> list[dict[str, Any]]:
    converted: list[dict[str, Any]] = []
    if prompt and not any(message.get("role") == "system" for message in messages):
        converted.append({"role": "system", "content": prompt})
    for message in messages:
        if message.get("type") == "function_call":
            _add_call(converted, message)
        elif message.get("type") == "function_call_output":
            converted.append(
                {"role": "tool", "tool_call_id": message.get("call_id", ""), "content": str(message.get("output", ""))}
            )
        else:
            converted.append({"role": message.get("role", "user"), "content": message.get("content") or ""})
    return converted


def _add_call(converted: list[dict[str, Any]], message: Mapping[str, Any]) -> None:
    """Calls that were made together travel in one assistant message: servers refuse a second one before the first's output."""
    call = {
        "id": message.get("call_id") or message.get("id", ""),
        "type": "function",
        "function": {"name": message.get("name", ""), "arguments": message.get("arguments") or "{}"},
    }
    if converted and "tool_calls" in converted[-1]:
        converted[-1]["tool_calls"].append(call)
    else:
        converted.append({"role": "assistant", "content": None, "tool_calls": [call]})
