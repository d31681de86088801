"""TEN's description of a tool, as the JSON schema that model servers want."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_JSON_TYPES = {
    "int": "integer",
    "int32": "integer",
    "int64": "integer",
    "float": "number",
    "float32": "number",
    "float64": "number",
    "bool": "boolean",
    "str": "string",
}


class MalformedToolCall(RuntimeError):
    """A model asked for a tool with arguments that are not a JSON object."""


def function_schema(tool: Mapping[str, Any]) -> dict[str, Any]:
    """`{"type": "function", "function": {...}}` of TEN's `{name, description, parameters: [...]}`."""
    parameters = tool.get("parameters") or []
    if isinstance(parameters, Mapping):  # already a JSON schema, as some tools register it
        schema = dict(parameters)
    else:
        schema = {
            "type": "object",
            "properties": {entry["name"]: _parameter_schema(entry) for entry in parameters},
            "required": [entry["name"] for entry in parameters if entry.get("required")],
        }
    return {
        "type": "function",
        "function": {"name": tool["name"], "description": tool.get("description", ""), "parameters": schema},
    }


def parse_arguments(name: str, text: str) -> dict[str, Any]:
    """Arguments as the model wrote them; nothing at all means none."""
    if not text.strip():
        return {}
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise MalformedToolCall(f"the model called {name!r} with arguments that are not JSON: {text[:80]!r}") from error
    if not isinstance(arguments, dict):
        raise MalformedToolCall(f"the model called {name!r} with {type(arguments).__name__} instead of an object")
    return arguments


def _parameter_schema(entry: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(entry.get("type", "string"))
    schema: dict[str, Any] = {"type": _JSON_TYPES.get(kind, kind)}
    if entry.get("description"):
        schema["description"] = entry["description"]
    for key in ("enum", "items", "properties"):
        if key in entry:
            schema[key] = entry[key]
    return schema
