"""Answers that need a little work; the fixed ones are in `speeches`."""

from __future__ import annotations

import re

from . import arithmetic
from . import spoken_numbers as numbers
from .conversation import Conversation, name_in
from .rule import speech

MAX_COUNT = 100
LEAD_EN, LEAD_ZH = "I said: ", "我刚才说："


def do_sum(conversation: Conversation, match: re.Match[str]) -> str | None:
    try:
        found = arithmetic.solve(conversation.text, conversation.language)
    except arithmetic.NotDefined:
        return speech(conversation, "no sum")
    if found is None:
        return None
    result = numbers.say(found.value, conversation.language)
    if conversation.language == "zh":
        return f"{found.spoken}等于{result}。"
    return f"{found.spoken[0].upper()}{found.spoken[1:]} is {result}."


def repeat(conversation: Conversation, match: re.Match[str]) -> str:
    last = conversation.last_reply()
    if last is None:
        return speech(conversation, "nothing said")
    lead = LEAD_ZH if conversation.language == "zh" else LEAD_EN
    return lead + last.removeprefix(LEAD_EN).removeprefix(LEAD_ZH)


def what_i_said(conversation: Conversation, match: re.Match[str]) -> str:
    before = conversation.previous_words_of_person()
    if before is None:
        return speech(conversation, "nothing heard")
    return f"你刚才说：{before}" if conversation.language == "zh" else f"You said: {before}"


def my_name(conversation: Conversation, match: re.Match[str]) -> str:
    name = conversation.name()
    if name is None:
        return speech(conversation, "no name")
    return f"你叫{name}。" if conversation.language == "zh" else f"Your name is {name}."


def nice_to_meet(conversation: Conversation, match: re.Match[str]) -> str | None:
    name = name_in(conversation.text)
    if name is None:
        return None
    return f"很高兴认识你，{name}。" if conversation.language == "zh" else f"Nice to meet you, {name}."


def say_after_me(conversation: Conversation, match: re.Match[str]) -> str:
    asked = match[1].strip()
    return f"{asked[0].upper()}{asked[1:]}" + ("。" if conversation.language == "zh" else ".")


def spell(conversation: Conversation, match: re.Match[str]) -> str:
    return ", ".join(match[1].upper()) + "."


def count(conversation: Conversation, match: re.Match[str]) -> str | None:
    zh = conversation.language == "zh"
    if match[1].isdigit():
        last = int(match[1])
    else:
        last = int(
            numbers.from_chinese(match[1]) if zh else numbers.from_english(match[1].replace("-", " ").split())[0]
        )
    if last < 1:
        return None
    if last > MAX_COUNT:
        return f"我最多数到{MAX_COUNT}。" if zh else f"I only count up to {MAX_COUNT}."
    return ("，" if zh else ", ").join(str(value) for value in range(1, last + 1)) + ("。" if zh else ".")


def flip_coin(conversation: Conversation, match: re.Match[str]) -> str:
    """The clock's millisecond decides, so that a replay gives the same side."""
    return speech(conversation, "heads" if conversation.now.microsecond // 1000 % 2 == 0 else "tails")
