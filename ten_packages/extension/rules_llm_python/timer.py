"""Uses a timer tool when one is registered, whatever its parameters are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import spoken_numbers as numbers
from .conversation import Conversation
from .rule import Answer, UseTool, speech

SECONDS_EN = {"second": 1, "minute": 60, "hour": 3600}
SECONDS_ZH = {"秒": 1, "分": 60, "时": 3600}
CANCEL = re.compile(r"\b(?:stop|cancel|delete|end|turn off|clear)\b|取消|停止|停掉|关掉|删掉")
TIME_OF_DAY = re.compile(
    r"\b(?:at|for|to) (?:\d|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|noon|midnight|half past|tomorrow)"
    r"|\b(?:am|pm|o'clock|tomorrow)\b|点"
)
SPAN_ZH = re.compile(r"(半|\d+|[零一二两三四五六七八九十百]+)(?:个)?(半)?(秒|分|小时|钟头)")


def timer_answer(conversation: Conversation, match: re.Match[str]) -> Answer:
    zh = conversation.language == "zh"
    tool = next((tool for tool in conversation.tools if "timer" in str(tool.get("name", "")).lower()), None)
    if tool is None:
        return speech(conversation, "no timer")
    if CANCEL.search(conversation.words):
        return speech(conversation, "timer stays")
    seconds = span_zh(conversation.words) if zh else span_en(conversation.words)
    if seconds is None and TIME_OF_DAY.search(conversation.words):
        return speech(conversation, "no alarm")
    if seconds is None:
        return speech(conversation, "how long")
    return UseTool(str(tool["name"]), _arguments(tool, seconds, conversation))


def _arguments(tool: Mapping[str, Any], seconds: int, conversation: Conversation) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for parameter in tool.get("parameters", ()):
        name = str(parameter.get("name", ""))
        number = parameter.get("type") in ("number", "integer", "int", "float")
        if "minute" in name:
            arguments[name] = seconds / 60 if seconds % 60 else seconds // 60
        elif name.endswith("_ms") or "milli" in name:
            arguments[name] = seconds * 1000
        elif "second" in name or number:
            arguments[name] = seconds
        elif name == "language":
            arguments[name] = conversation.language
        elif parameter.get("required"):
            arguments[name] = conversation.text
    return arguments


def span_en(words: str) -> int | None:
    """ "an hour and twenty minutes", "half an hour", "90 seconds"."""
    parts = words.replace("-", " ").split()
    total = 0.0
    for at, word in enumerate(parts):
        unit = SECONDS_EN.get(word.rstrip("s"))
        if unit is None:
            continue
        total += unit * _count_before(parts[:at])
        if parts[at + 1 : at + 4] == ["and", "a", "half"]:
            total += unit / 2
    return round(total) or None


def _count_before(parts: list[str]) -> float:
    if parts[-3:] == ["and", "a", "half"]:
        return _count_before(parts[:-3]) + 0.5
    if parts[-2:] in (["half", "an"], ["half", "a"]):
        return 0.5
    if parts and numbers.DIGITS.fullmatch(parts[-1]):
        return float(numbers.from_digits(parts[-1]))
    if parts[-1:] in (["a"], ["an"]):
        return 1
    for start in range(max(0, len(parts) - 6), len(parts)):
        value, used = numbers.from_english(parts[start:])
        if used == len(parts) - start:
            return float(value)
    return 0


def span_zh(words: str) -> int | None:
    total = 0.0
    for count, half, unit in SPAN_ZH.findall(words):
        scale = 3600 if unit in ("小时", "钟头") else SECONDS_ZH[unit]
        value = 0.5 if count == "半" else float(count) if count.isdigit() else float(numbers.from_chinese(count))
        total += scale * (value + (0.5 if half else 0))
    return round(total) or None
