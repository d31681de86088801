"""TEN's messages and tools in the shapes of LM Studio's own protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stream_talk.engines.interfaces import LlmRequest
from stream_talk.llm.tools import function_schema, parse_arguments

from .params import LmStudioParams

Json = dict[str, Any]
_PARAMETER_NAMES = {
    "temperature": "temperature",
    "max_tokens": "maxTokens",
    "top_p": "topPSampling",
    "stop": "stopStrings",
}


def chat_of(messages: Sequence[Mapping[str, Any]], prompt: str) -> Json:
    chat: list[Json] = []
    if prompt and not any(message.get("role") == "system" for message in messages):
        chat.append({"role": "system", "content": [_text(prompt)]})
    for message in messages:
        kind = message.get("type")
        if kind == "function_call":
            _continue(chat, "assistant", "")["content"].append(_call(message))
        elif kind == "function_call_output":
            result = {
                "type": "toolCallResult",
                "content": str(message.get("output", "")),
                "toolCallId": message.get("call_id", ""),
            }
            chat.append({"role": "tool", "content": [result]})
        elif message.get("role") in ("system", "assistant"):
            _continue(chat, str(message["role"]), _words(message.get("content")))
        else:
            chat.append({"role": "user", "content": [_text(_words(message.get("content")))]})
    return {"messages": chat}


def _continue(chat: list[Json], role: str, text: str) -> Json:
    """The SDK refuses two messages of one role in a row: the second becomes part of the first."""
    if chat and chat[-1]["role"] == role:
        first = chat[-1]["content"][0]
        first["text"] = " ".join(part for part in (first["text"], text) if part)
    else:
        chat.append({"role": role, "content": [_text(text)]})
    return chat[-1]


def _call(message: Mapping[str, Any]) -> Json:
    name = str(message.get("name", ""))
    arguments = parse_arguments(name, str(message.get("arguments") or ""))
    request = {"type": "function", "id": message.get("call_id", ""), "name": name, "arguments": arguments}
    return {"type": "toolCallRequest", "toolCallRequest": request}


def prediction_config(request: LlmRequest, params: LmStudioParams) -> Json:
    config: Json = {**params.extra}
    if params.temperature is not None:
        config["temperature"] = params.temperature
    if params.max_tokens is not None:
        config["maxTokens"] = params.max_tokens
    for name, value in request.parameters.items():
        if name in _PARAMETER_NAMES and value is not None:
            config[_PARAMETER_NAMES[name]] = value
    if request.tools:
        config["rawTools"] = {"type": "toolArray", "tools": [function_schema(tool) for tool in request.tools]}
    return config


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _words(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return str(content or "")
