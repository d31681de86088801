"""Short words that only make sense after the last reply: "and tomorrow?", "no, I meant Paris", "times two", "another one"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from . import moments, speeches
from .conversation import Conversation
from .reflection import swap_en, swap_zh
from .rule import Answer, speech

ByRule = Callable[[Conversation], Answer | None]

CORRECTION_EN = re.compile(r"^(?:(?:no|sorry|wait|oh|well) )*i (?:mean|meant|said) (?:to say )?(.+)$")
CORRECTION_ZH = re.compile("^(?:不是?|不对|错了)?[ ]*我(?:是说|说的是|的意思是|是指)(.+)$")
ON_EN = re.compile(r"^(?:and |but |so |okay )*(?:what about|how about|and|then)(?: for| in| on)? (.+)$")
ON_ZH = re.compile("^(?:那么?|还有)?(.+?)呢$")
OPERATION_EN = re.compile(
    r"^(?:and |then |now )*((?:plus|minus|times|divided by|multiplied by|to the|[-+*/]).+|squared|cubed)$"
)
OPERATION_ZH = re.compile("^(?:再|然后|接着)*((?:加|减|乘|除以).+)$")
RESULT = re.compile(r"(?: is |等于)((?:minus |负)?[\d,.]*\d)[.。]$")
ANOTHER = re.compile(r"^(?:tell me |and )*(?:another(?: one| joke)?|one more(?: joke)?)(?: please)?$|^再(?:来|讲)一个")


def follow_up(conversation: Conversation, by_rule: ByRule) -> Answer | None:
    """The answer to what leans on the last reply; None when it does not."""
    zh, words = conversation.language == "zh", conversation.words
    last = conversation.last_reply() or ""
    operation, result = (OPERATION_ZH if zh else OPERATION_EN).match(words), RESULT.search(last)
    if operation and result:
        return by_rule(replace(conversation, text=f"{result[1]} {operation[1]}"))
    if ANOTHER.match(words) and any(last in jokes["joke"] for jokes in (speeches.EN, speeches.ZH)):
        return _other_joke(conversation, last)
    correction = (CORRECTION_ZH if zh else CORRECTION_EN).match(words)
    leaning = correction or (ON_ZH if zh else ON_EN).match(words)
    if leaning is None:
        return None
    named = replace(conversation, text=leaning[1])
    answer = by_rule(named) or moments.moment_again(named, last)
    if answer is None and correction:
        answer = speech(conversation, "corrected").format(echo=swap_zh(leaning[1]) if zh else swap_en(leaning[1]))
    return answer


def _other_joke(conversation: Conversation, last: str) -> str:
    jokes = (speeches.ZH if conversation.language == "zh" else speeches.EN)["joke"]
    return jokes[(jokes.index(last) + 1) % len(jokes)] if last in jokes else jokes[0]
