"""The client's functions: the protocol's tools as TEN's, and which reply waits for their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PLAIN_KEYS = frozenset(("type", "description", "title", "enum", "items"))
_PLAIN_SCHEMA_KEYS = frozenset(("type", "properties", "required", "title", "$schema", "additionalProperties"))


def as_tool(function: Mapping[str, Any]) -> dict[str, Any]:
    """TEN's flat list of parameters where that says everything, the JSON schema itself where it would not."""
    schema = function.get("parameters") or {}
    tool = {"name": function["name"], "description": str(function.get("description") or "")}
    if not _is_plain(schema):
        return {**tool, "parameters": schema}
    required = schema.get("required") or []
    parameters = [
        {**{k: v for k, v in spec.items() if k != "title"}, "name": name, "description": str(spec.get("description") or ""),
         "required": name in required}
        for name, spec in (schema.get("properties") or {}).items()
    ]  # fmt: skip
    return {**tool, "parameters": parameters}


def _is_plain(schema: Mapping[str, Any]) -> bool:
    return _PLAIN_SCHEMA_KEYS.issuperset(schema) and all(
        _PLAIN_KEYS.issuperset(spec) and isinstance(spec.get("type"), str)
        for spec in (schema.get("properties") or {}).values()
    )


def is_function(tool: Any) -> bool:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return False
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        return False
    schema = tool.get("parameters")
    if schema is None:
        return True
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return (
        isinstance(schema, dict)
        and isinstance(schema.get("required") or [], list)
        and isinstance(properties or {}, dict)
        and all(isinstance(spec, dict) for spec in (properties or {}).values())
    )
