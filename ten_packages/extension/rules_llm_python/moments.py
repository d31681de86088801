"""Times and dates as people say them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from . import spoken_numbers as numbers
from .conversation import Conversation

DAYS_EN = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DAYS_ZH = "一二三四五六日"
MONTHS_EN = ("January February March April May June July August September October November December").split()
OFFSETS = {
    "yesterday": -1,
    "tomorrow": 1,
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "昨天": -1,
    "明天": 1,
    "后天": 2,
    "前天": -2,
}
LEAD_EN = {
    0: "Today is",
    1: "Tomorrow is",
    -1: "Yesterday was",
    2: "The day after tomorrow is",
    -2: "The day before yesterday was",
}


def time_answer(conversation: Conversation, match: re.Match[str]) -> str:
    if conversation.language == "zh":
        return f"现在是{time_zh(conversation.now)}。"
    return f"It's {time_en(conversation.now)}."


def date_answer(conversation: Conversation, match: re.Match[str]) -> str:
    asked = max((word for word in OFFSETS if word in conversation.words), key=len, default="")
    offset = OFFSETS.get(asked, 0)
    day = conversation.now + timedelta(days=offset)
    if conversation.language == "zh":
        return f"{asked or '今天'}是{date_zh(day)}。"
    return f"{LEAD_EN[offset]} {date_en(day)}."


def time_en(moment: datetime) -> str:
    hour, minute = moment.hour, moment.minute
    if minute > 30:
        hour, minute, side = hour + 1, 60 - minute, "to"
    else:
        side = "past"
    named = "midnight" if hour % 24 == 0 else "noon" if hour == 12 else numbers.english_words((hour - 1) % 12 + 1)
    exact = named in ("midnight", "noon")
    part = "" if exact else " " + part_of_day_en(moment.hour)
    if minute == 0:
        return named if exact else f"{named} o'clock{part}"
    if minute in (15, 30):
        return f"{'a quarter' if minute == 15 else 'half'} {side} {named}{part}"
    return f"{numbers.english_words(minute)} {'minute' if minute == 1 else 'minutes'} {side} {named}{part}"


def part_of_day_en(hour: int) -> str:
    if hour < 12:
        return "in the morning"
    return "in the afternoon" if hour < 18 else "in the evening" if hour < 22 else "at night"


def time_zh(moment: datetime) -> str:
    hour = moment.hour
    parts = ((5, "凌晨"), (8, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
    part = next(name for end, name in parts if hour < end)
    spoken_hour = (hour - 1) % 12 + 1
    words = "两" if spoken_hour == 2 else numbers.chinese_words(spoken_hour)
    if moment.minute == 0:
        return f"{part}{words}点整"
    if moment.minute == 30:
        return f"{part}{words}点半"
    zero = "零" if moment.minute < 10 else ""
    return f"{part}{words}点{zero}{numbers.chinese_words(moment.minute)}分"


def date_en(day: datetime) -> str:
    return f"{DAYS_EN[day.weekday()]}, {MONTHS_EN[day.month - 1]} {day.day}, {day.year}"


def date_zh(day: datetime) -> str:
    return f"{day.year}年{day.month}月{day.day}号，星期{DAYS_ZH[day.weekday()]}"
