"""Times and dates as people say them, here and elsewhere."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from . import spoken_numbers as numbers
from .conversation import Conversation
from .places import zone_of

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


ELSEWHERE_EN = re.compile(r"\btime\b.*?\bin (?!the |a |an |this |my |your )([a-z][a-z .'-]*?)(?: (?:right )?now)?$")
ELSEWHERE_ZH = re.compile("^(?:请问|你知道)?([\u3400-\u9fff]{2,6}?)(?:现在|那边|这会儿|的)*(?:是|几点|什么时间|时间)")
HERE_ZH = ("现在", "这里", "我们", "这会儿", "请问")
# "the date of Easter": a day that takes more than a calendar of our own.
OTHER_DAY_EN = re.compile(r"\b(?:date|day) (?:of|is|was|for|will) (?!it\b|today|tomorrow|yesterday|the day|the week)")
TOLD_DATE = re.compile(
    r"^(?:today|tomorrow|yesterday|the day (?:after|before)).* (?:is|was) \w+day, |号，星期", re.IGNORECASE
)
TOLD_TIME = re.compile(
    r"^(?:It's |In .+ it's |I don't know the clocks )|^现在是|现在是.+[点分半整]。$|^我不知道.+的时间"
)


def time_answer(conversation: Conversation, match: re.Match[str]) -> str:
    zh = conversation.language == "zh"
    elsewhere = (ELSEWHERE_ZH if zh else ELSEWHERE_EN).search(conversation.words)
    if elsewhere and not (zh and elsewhere[1].startswith(HERE_ZH)):
        return time_in(conversation, elsewhere[1])
    return f"现在是{time_zh(conversation.now)}。" if zh else f"It's {time_en(conversation.now)}."


def time_in(conversation: Conversation, place: str) -> str:
    zone, zh, now = zone_of(place), conversation.language == "zh", conversation.now
    if zone is None:
        name = place.title()
        here = time_zh(now) if zh else time_en(now)
        return (
            f"我不知道{place}的时间。我这里现在是{here}。"
            if zh
            else f"I don't know the clocks of {name}. Here it's {here}."
        )
    there = now.astimezone(zone)
    return f"{place}现在是{time_zh(there)}。" if zh else f"In {place.title()} it's {time_en(there)}."


def moment_again(named: Conversation, last_reply: str) -> str | None:
    """ "And tomorrow?", "what about Tokyo?", after we told a date or a time."""
    if TOLD_DATE.search(last_reply) and any(day in named.words for day in OFFSETS):
        return _date(named)
    if TOLD_TIME.search(last_reply) and len(named.words) <= 30:
        return time_in(named, re.sub(r"^(?:in|for|the) ", "", named.words))
    return None


def date_answer(conversation: Conversation, match: re.Match[str]) -> str | None:
    if conversation.language == "en" and OTHER_DAY_EN.search(conversation.words):
        return None
    return _date(conversation)


def month_answer(conversation: Conversation, match: re.Match[str]) -> str:
    now = conversation.now
    if conversation.language == "zh":
        return f"今年是{now.year}年。"
    return f"It's {MONTHS_EN[now.month - 1]} {now.year}." if "month" in match[0] else f"It's {now.year}."


def is_it_answer(conversation: Conversation, match: re.Match[str]) -> str:
    """ "Is it Monday?" """
    now = conversation.now
    if conversation.language == "zh":
        asked = match[1].replace("天", "日")
        return ("对，" if asked == DAYS_ZH[now.weekday()] else "不是，") + f"今天是星期{DAYS_ZH[now.weekday()]}。"
    today = DAYS_EN[now.weekday()]
    return ("Yes, it's " if match[1].title() == today else "No, it's ") + f"{today} today."


def _date(conversation: Conversation) -> str:
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
