"""`msg_conversion`: what a receiver gets instead of the message that was sent. Pure functions over property trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ten_graph import paths
from ten_graph.model import copy_json

MODES = ("fixed_value", "from_original")
NAME_PATH = "ten.name"


class ConversionError(ValueError):
    """A rule that cannot be applied to a message."""


def problems(conversion: object) -> Iterator[tuple[str, str]]:
    """(place, message) of everything wrong with a conversion; place is relative to the conversion."""
    if not isinstance(conversion, Mapping):
        yield "", "msg_conversion must be an object"
        return
    if conversion.get("type", "per_property") != "per_property":
        yield "type", "msg_conversion type must be 'per_property'"
    yield from _rules_problems(conversion, "")
    if "result" in conversion:
        result = conversion["result"]
        if isinstance(result, Mapping):
            yield from _rules_problems(result, "result.")
        else:
            yield "result", "msg_conversion result must be an object"


def _rules_problems(conversion: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    if not isinstance(conversion.get("keep_original", False), bool):
        yield f"{prefix}keep_original", "keep_original must be true or false"
    rules = conversion.get("rules")
    if not isinstance(rules, list) or not rules:
        yield f"{prefix}rules", "conversion rules are empty"
        return
    for index, rule in enumerate(rules):
        place = f"{prefix}rules[{index}]"
        for message in _rule_problems(rule) if isinstance(rule, Mapping) else ["must be an object"]:
            yield place, f"rule[{index}]: {message}"


def _rule_problems(rule: Mapping[str, Any]) -> Iterator[str]:
    yield from _path_problems(rule.get("path"), "property path is empty")
    mode = rule.get("conversion_mode")
    if mode == "fixed_value":
        if "value" not in rule:
            yield "'value' field is required for the fixed_value conversion mode"
        elif not isinstance(rule["value"], (str, bool, int, float)):
            yield "'value' must be a string, a boolean or a number"
        elif rule.get("path") == NAME_PATH and not isinstance(rule["value"], str):
            yield "the value of 'ten.name' must be a string"
    elif mode == "from_original":
        if "original_path" not in rule:
            yield "'original_path' field is required for the from_original conversion mode"
        else:
            yield from _path_problems(rule["original_path"], "original_path cannot be empty")
    else:
        yield f"'conversion_mode' must be one of {', '.join(MODES)}"


def _path_problems(path: object, when_empty: str) -> Iterator[str]:
    if not isinstance(path, str) or not path:
        yield when_empty
        return
    try:
        paths.parse(path)
    except ValueError as error:
        yield str(error)


def convert(conversion: Mapping[str, Any], name: str, properties: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and properties that the receiver gets. The original is not touched."""
    target: dict[str, Any] = copy_json(properties) if conversion.get("keep_original") else {}
    return _apply(conversion, name, properties, target)


def convert_result(conversion: Mapping[str, Any], name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Properties of a result on its way back. A result keeps its own properties in any case."""
    result = conversion.get("result")
    if result is None:
        return properties
    return _apply(result, name, properties, copy_json(properties))[1]


def _apply(
    conversion: Mapping[str, Any], name: str, original: dict[str, Any], target: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    new_name = name
    for rule in conversion["rules"]:
        value = _value_of(rule, name, original)
        path: str = rule["path"]
        if path == NAME_PATH:
            if not isinstance(value, str) or not value:
                raise ConversionError("'ten.name' can only be set to a string")
            new_name = value
        elif path.startswith("ten."):
            raise ConversionError(f"'{path}' cannot be set by a conversion; only 'ten.name' can")
        else:
            paths.put(target, path, value)
    return new_name, target


def _value_of(rule: Mapping[str, Any], name: str, original: dict[str, Any]) -> Any:
    if rule["conversion_mode"] == "fixed_value":
        return rule["value"]
    path: str = rule["original_path"]
    if path == NAME_PATH:
        return name
    value = paths.get(original, path)
    # TEN puts an invalid value where the original has none; in JSON, and so in our trees, that is null.
    return None if value is paths.MISSING else copy_json(value)
