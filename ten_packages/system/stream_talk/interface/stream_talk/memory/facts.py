"""Finds statements worth remembering in what a person said, by pattern. No model needed, English and Chinese.

A model does this better; the ltm worker uses one when it is given an endpoint. These patterns are deliberately few and strict: a wrong
memory is worse than a missing one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Fact:
    kind: str
    text: str

    @property
    def key(self) -> str:
        """The same statement is one memory, however often it is said."""
        return fact_key(self.text)


def fact_key(text: str) -> str:
    """Without the text itself: a corrected memory keeps its key, so that what it was does not come back."""
    return f"fact/{hashlib.sha256(text.encode()).hexdigest()[:32]}"


_END = r"(?=[.,;!?。，；！？]|\s+(?:and|but|so|because|when|if)\b|$)"
_ZH_END = r"(?=[。，；！？,.!?]|$)"

# (kind, pattern, sentence that is remembered). The person is "the user" so that a model reading it is not confused about "I".
_RULES: tuple[tuple[str, str, str], ...] = (
    ("name", rf"\b(?:my name is|call me|i am called|i'm called)\s+([\w' -]{{2,40}}?){_END}", "The user's name is {0}."),
    ("place", rf"\bi (?:live|stay) in\s+([\w' -]{{2,60}}?){_END}", "The user lives in {0}."),
    ("origin", rf"\bi(?: am|'m| come) from\s+([\w' -]{{2,60}}?){_END}", "The user comes from {0}."),
    ("work", rf"\bi work (?:as|at|for|in)\s+([\w' -]{{2,60}}?){_END}", "The user works: {0}."),
    (
        "likes",
        rf"\bi (?:really |also )?(?:like|love|enjoy)\s+(?!you\b|that\b|it\b)([\w' -]{{2,60}}?){_END}",
        "The user likes {0}.",
    ),
    (
        "dislikes",
        rf"\bi (?:really )?(?:hate|dislike|don't like|do not like|can't stand)\s+(?!you\b|that\b|it\b)"
        rf"([\w' -]{{2,60}}?){_END}",
        "The user does not like {0}.",
    ),
    ("allergy", rf"\bi(?: am|'m) allergic to\s+([\w' -]{{2,60}}?){_END}", "The user is allergic to {0}."),
    ("own", rf"\bi have ((?:a|an|two|three|four|five)\s+[\w' -]{{2,60}}?){_END}", "The user has {0}."),
    ("birthday", rf"\bmy birthday is\s+(?:on\s+)?([\w' -]{{3,40}}?){_END}", "The user's birthday is {0}."),
    (
        "favourite",
        rf"\bmy favou?rite\s+(\w+(?: \w+)?) is\s+([\w' -]{{2,60}}?){_END}",
        "The user's favourite {0} is {1}.",
    ),
    ("request", r"\b(?:please )?remember (?:that )?([^.!?]{4,160}?)(?=[.!?]|$)", "The user asked to remember: {0}."),
    ("name", rf"我(?:的名字)?(?:叫|是叫)(?!什么)([\w·]{{1,12}}?){_ZH_END}", "用户的名字是{0}。"),
    ("place", rf"我(?:现在)?住在([\w ]{{1,24}}?){_ZH_END}", "用户住在{0}。"),
    ("origin", rf"我(?:是从|来自)([\w ]{{1,24}}?)(?:来的)?{_ZH_END}", "用户来自{0}。"),
    ("likes", rf"我(?:很|最|也|特别)?(?:喜欢|爱)(?!你)([\w ]{{1,24}}?){_ZH_END}", "用户喜欢{0}。"),
    ("dislikes", rf"我(?:很)?(?:不喜欢|讨厌)(?!你)([\w ]{{1,24}}?){_ZH_END}", "用户不喜欢{0}。"),
    ("allergy", r"我对([\w ]{1,16}?)过敏", "用户对{0}过敏。"),
    ("birthday", rf"我的生日是([\w ]{{2,16}}?){_ZH_END}", "用户的生日是{0}。"),
    ("request", r"(?:请)?记住[，,:： ]*([^。！？]{2,80}?)(?=[。！？]|$)", "用户要求记住：{0}。"),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE), sentence) for kind, pattern, sentence in _RULES)

FactFinder = Callable[[str], Iterator[Fact]]


def find_facts(said: str) -> Iterator[Fact]:
    """Facts in one thing that the person said. Questions state nothing."""
    for sentence in re.split(r"(?<=[.!?。！？])\s*", said):
        if sentence.rstrip().endswith(("?", "？")):
            continue
        for kind, pattern, template in _COMPILED:
            for match in pattern.finditer(sentence):
                yield Fact(kind, template.format(*(group.strip() for group in match.groups())))
