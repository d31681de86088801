"""Timers as a tool: what the model may ask for, and what is said when one is due. No runtime, no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

TOOL: dict[str, Any] = {
    "name": "set_timer",
    "description": "Set a timer. When the time is up, the assistant says so by itself.",
    "parameters": [
        {"name": "seconds", "type": "number", "description": "how long from now, in seconds", "required": True},
        {
            "name": "label",
            "type": "string",
            "description": "what the timer is for, in the person's words",
            "required": False,
        },
        {
            "name": "language",
            "type": "string",
            "description": "language to announce it in, such as en or zh",
            "required": False,
        },
    ],
}


class Refused(ValueError):
    """The timer cannot be set; the text is for the model."""


@dataclass(frozen=True, slots=True)
class Timer:
    duration_ms: float
    label: str
    language: str

    def announcement(self) -> str:
        if self.language.startswith("zh"):
            return f"{self.label}的时间到了。" if self.label else f"{_spoken_zh(self.duration_ms)}的计时到了。"
        return f"Time is up for {self.label}." if self.label else f"Your {_spoken_en(self.duration_ms)} timer is up."

    def confirmation(self) -> str:
        if self.language.startswith("zh"):
            return f"已经设好了{_spoken_zh(self.duration_ms)}的计时。"
        return f"The timer is set for {_spoken_en(self.duration_ms, plural=True)}."


def timer_from(arguments: dict[str, Any], *, max_seconds: float, running: int, max_timers: int) -> Timer:
    """What the model asked for, checked."""
    seconds = arguments.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds) or seconds <= 0:
        raise Refused("say a positive number of seconds")
    if seconds > max_seconds:
        raise Refused(f"the longest timer is {max_seconds:g} seconds")
    if running >= max_timers:
        raise Refused(f"{running} timers are running already")
    label = str(arguments.get("label") or "").strip()[:100]
    language = str(arguments.get("language") or "")
    if not language:
        language = "zh" if any("\u4e00" <= character <= "\u9fff" for character in label) else "en"
    return Timer(float(seconds) * 1000.0, label, language)


def _parts(duration_ms: float) -> list[tuple[int, str]]:
    seconds = round(duration_ms / 1000.0)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return [(n, unit) for n, unit in ((hours, "hour"), (minutes, "minute"), (seconds, "second")) if n]


def _spoken_en(duration_ms: float, *, plural: bool = False) -> str:
    parts = [f"{n} {unit}{'s' if plural and n != 1 else ''}" for n, unit in _parts(duration_ms)]
    return " and ".join(parts) or "short"


def _spoken_zh(duration_ms: float) -> str:
    units = {"hour": "小时", "minute": "分钟", "second": "秒"}
    return "".join(f"{n}{units[unit]}" for n, unit in _parts(duration_ms))
