"""When no rule fits: turn the person's own sentence round, or say honestly that there is no model behind the voice."""

from __future__ import annotations

import re

from .conversation import Conversation
from .rule import speech

SWAP_EN = {
    "i am": "you are",
    "am i": "are you",
    "i was": "you were",
    "was i": "were you",
    "i": "you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "i'm": "you're",
    "i've": "you've",
    "i'll": "you'll",
    "i'd": "you'd",
    "you are": "I am",
    "are you": "am I",
    "you were": "I was",
    "were you": "was I",
    "you": "I",
    "your": "my",
    "yours": "mine",
    "yourself": "myself",
    "you're": "I'm",
    "you've": "I've",
    "you'll": "I'll",
}
_SWAPPED_EN = re.compile(r"(?<![\w'])(" + "|".join(sorted(SWAP_EN, key=len, reverse=True)) + r")(?![\w'])")
# Behind these "you" is "me".
_BEFORE_ME = frozenset(
    """to for with about at from of on like love hate tell told ask asked call called see saw hear heard help need want miss
    than give gave show showed thank trust know believe understand let""".split()
)
SWAP_ZH = {"我们": "你们", "我": "你", "你们": "我们", "你": "我", "咱们": "咱们"}
QUESTION_EN = re.compile(
    r"(?:what|why|who|where|when|how|which|can|could|do|does|did|is|are|will|would|should|tell me|explain)\b"
)
QUESTION_ZH = re.compile("[吗呢么]$|什么|为什么|怎么|谁|哪|几|多少")
FEELING_EN = re.compile(
    r"\bi(?:'m| am| feel)(?: feeling)? ((?:so |very |really |a bit |quite )?[a-z]+(?: and [a-z]+)?)$"
)
LIKING_EN = re.compile(r"\bi (?:really |also )?(like|love|enjoy|hate|want|need|miss) (.+)$")
# "Please enter your number", "turn on the lights": to say these back would be no answer.
TASK_EN = re.compile(
    r"(?:please\b|(?:play|turn|switch|call|phone|text|open|close|start|send|write|show|find|search|look|google|book|order|buy|read"
    r"|translate|speak|sing|roll|pick|choose|make|create|give|describe|define|set|put|get|bring|check|list|draw|remember|record"
    r"|enter|press|dial|connect|transfer|schedule|cancel|recommend|suggest|navigate|let's)\b)"
)
TASK_ZH = re.compile(
    "^(?:请|麻烦|帮我|给我|你能|能不能)|^(?:放|播放|打开|关掉|关上|发|写|找|查|搜|订|买|读|翻译|唱|画|解释|介绍|推荐|导航|取消|设)|^给.+(?:打|发)"
)
FEELING_ZH = re.compile(
    "^我(?:今天|现在|最近|感到|觉得|感觉)*((?:很|有点儿?|非常|真|太|好)?(?:高兴|开心|难过|伤心|累|生气|饿|困|无聊|害怕|孤单|担心|紧张|郁闷))了?$"
)
LIKING_ZH = re.compile("^我(?:很|真|最|也)?(喜欢|爱|讨厌)(.+)$")
LONGEST_ECHO_WORDS = 10
LONGEST_ECHO_CHARS = 24


def reflect(conversation: Conversation) -> str:
    return _reflect_zh(conversation) if conversation.language == "zh" else _reflect_en(conversation)


def _reflect_en(conversation: Conversation) -> str:
    words = conversation.words
    feeling, liking = FEELING_EN.search(words), LIKING_EN.search(words)
    if feeling:
        return f"You're {feeling[1]}. What do you think brought that on?"
    if len(words.split()) > LONGEST_ECHO_WORDS and not TASK_EN.match(words):
        return speech(conversation, "too long")
    if TASK_EN.match(words):
        return speech(conversation, "cannot")
    if liking:
        return f"You {liking[1]} {swap_en(liking[2])}. Tell me what makes you say that."
    if QUESTION_EN.match(words):
        return speech(conversation, "no rule")
    return speech(conversation, "echo").format(echo=swap_en(words))


def _reflect_zh(conversation: Conversation) -> str:
    text = re.sub("[，。！？、；：,.!?]+$", "", conversation.text)
    feeling, liking = FEELING_ZH.match(text), LIKING_ZH.match(text)
    if feeling:
        return f"你{feeling[1]}，是因为什么呢？"
    if TASK_ZH.search(text):
        return speech(conversation, "cannot")
    if len(text) > LONGEST_ECHO_CHARS:
        return speech(conversation, "too long")
    if QUESTION_ZH.search(text):
        return speech(conversation, "no rule")
    if liking:
        return f"你{liking[1]}{swap_zh(liking[2])}。能说说为什么吗？"
    return speech(conversation, "echo").format(echo=swap_zh(text))


def swap_en(words: str) -> str:
    """Every "I" a "you" and the other way round, verbs with them."""

    def other(match: re.Match[str]) -> str:
        before = words[: match.start()].split()[-1:]
        if match[1] == "you" and (before and (before[0] in _BEFORE_ME or match.end() == len(words))):
            return "me"
        return SWAP_EN[match[1]]

    return _SWAPPED_EN.sub(other, words)


def swap_zh(text: str) -> str:
    return re.sub("|".join(sorted(SWAP_ZH, key=len, reverse=True)), lambda match: SWAP_ZH[match[0]], text)
