"""What the words say: is the sentence whole, does it hang in the air, or does the person ask us to wait?

The kit's `finished_probability` knows conjunctions, prepositions, fillers, question words and final particles of English and
Chinese. Here is what a detector knows beyond it: requests to wait, numbers that are still being dictated, and a grammar of
endings that need an object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stream_talk.turn.completeness import finished_probability
from stream_talk.turn.words import has_cjk, words_of

State = Literal["finished", "unfinished", "wait"]

_WAIT_EN = re.compile(
    r"(?:^|[.,!?]\s*|\b(?:ok|okay|oh|no|um|uh|er|well|please|sorry|actually)\s+)"
    r"(?:hold on|hang on|wait|wait up|bear with me|one moment|not now|not yet|be quiet|stay quiet|shush|hush|"
    r"(?:just )?(?:a|one) (?:second|sec|moment|minute)|(?:just )?(?:give|gimme) ?(?:me)? (?:a|one) (?:second|sec|moment|minute)|"
    r"let me (?:think|see|check|look)|i'?m (?:still )?thinking|don'?t (?:answer|say anything|talk)(?: yet| now)?)"
    r"(?: (?:a|one) (?:second|sec|moment|minute|bit)| for (?:a|one) (?:second|sec|moment|minute)| for me| about (?:it|that)| please| now)*"
    r"[\s.,!?]*$",
    re.IGNORECASE,
)
_WAIT_ZH = re.compile(
    r"(?:等一下|等一等|等等|等会儿?|等下|稍等(?:一下|片刻)?|请稍等|慢着|别急|先别(?:说|回答|讲)|别说话|安静(?:一下|点)?|打住|停一下|"
    r"(?:让|容)我(?:先)?(?:想想|想一下|想一想|看看|看一下|查一下)|我(?:先)?(?:想想|想一下|想一想))(?:吧|啊|哦|好吗|好不好)?[\s，。！？,.!?]*$"
)
_DIGIT_WORDS = frozenset("zero oh one two three four five six seven eight nine double triple".split())
_NUMBER_WORDS = _DIGIT_WORDS | frozenset(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million".split()
)
_TENS = frozenset("twenty thirty forty fifty sixty seventy eighty ninety".split())
_WHOLE_DICTATIONS = frozenset({7, 10, 11})
"""Digits of a phone number, with and without its area."""
_ZH_DIGITS = re.compile(r"[零〇一幺二三四五六七八九两\d]{3,}$")
_ZH_NUMBER_OPEN = re.compile(r"(?:号码|电话|密码|账号|编号)是?[零〇一幺二三四五六七八九两\d]{0,6}$|[百千万]零$")
_NEEDS_MORE = re.compile(
    r"\b(?:going to|want to|like to|need to|have to|used to|able to|trying to|such as|as well as|because of|instead of|"
    r"according to|kind of|sort of|in order to|a lot of|number of|let me|tell me about|more about|i was wondering|"
    r"the thing is|the problem is|what if|so that|even though|as long as|my name is|i'?d like|can you|could you|would you|"
    r"(?:whether|because|although|while|if|when|what) (?:i|you|he|she|we|they|it)|"
    r"do you know|do you have|is there|are there|how about|what about)$",
    re.IGNORECASE,
)
_WHOLE_TAGS = re.compile(
    r"\b(?:right|isn'?t it|aren'?t you|don'?t you|you know what i mean|or not|thank you(?: very much)?|thanks|please|"
    r"that'?s (?:all|it)|never mind|good night|good morning|see you(?: later)?|how are you(?: doing)?)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reading:
    state: State
    probability: float
    """That the person has finished."""


def read_words(text: str) -> Reading:
    stripped = text.strip()
    if not stripped:
        return Reading("unfinished", 0.0)
    if (_WAIT_ZH if has_cjk(stripped) else _WAIT_EN).search(stripped):
        # "Wait" ends a turn that wants no answer; it stays open for what follows.
        return Reading("wait", 0.3)
    probability = _numbers(stripped)
    if probability is None:
        probability = _phrases(stripped)
    return Reading("finished" if probability >= 0.5 else "unfinished", probability)


def _phrases(text: str) -> float:
    if text[-1] in "?？!！。":
        return finished_probability(text)
    bare = text.rstrip(".,;: ")
    if _WHOLE_TAGS.search(bare):
        return 0.92
    if _NEEDS_MORE.search(bare):
        return 0.08
    return finished_probability(text)


def _numbers(text: str) -> float | None:
    """For text that ends in a number; None for all other."""
    if has_cjk(text):
        return _chinese_numbers(text.rstrip("，。,. "))
    words = words_of(text)
    run = 0
    while run < len(words) and _is_number(words[-1 - run]):
        run += 1
    if not run:
        return 0.05 if words and words[-1] == "point" else None
    digits = sum(
        1 if word in _DIGIT_WORDS else len(word) for word in words[-run:] if word not in _NUMBER_WORDS - _DIGIT_WORDS
    )
    if run >= 3 and all(word in _DIGIT_WORDS or word.isdigit() for word in words[-run:]):
        return 0.85 if digits in _WHOLE_DICTATIONS else 0.25
    if words[-1] in ("double", "triple"):
        return 0.05
    return 0.55 if words[-1] in _TENS else None


def _chinese_numbers(text: str) -> float | None:
    digits = _ZH_DIGITS.search(text)
    if digits is not None:
        return 0.85 if len(digits.group()) in (*_WHOLE_DICTATIONS, 8) else 0.25
    return 0.15 if _ZH_NUMBER_OPEN.search(text) else None


def _is_number(word: str) -> bool:
    return word in _NUMBER_WORDS or word.isdigit()
