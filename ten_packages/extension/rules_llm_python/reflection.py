"""When no rule fits: turn the person's own sentence round, or say honestly that there is no model behind the voice."""

from __future__ import annotations

import re

from .conversation import Conversation
from .rule import speech

SWAP_EN = {
    "i": "you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "am": "are",
    "was": "were",
    "i'm": "you're",
    "i've": "you've",
    "i'll": "you'll",
    "i'd": "you'd",
    "you": "I",
    "your": "my",
    "yours": "mine",
    "yourself": "myself",
    "you're": "I'm",
    "you've": "I've",
    "you'll": "I'll",
}
SWAP_ZH = {"我们": "你们", "我": "你", "你们": "我们", "你": "我", "咱们": "咱们"}
QUESTION_EN = re.compile(
    r"(?:what|why|who|where|when|how|which|can|could|do|does|did|is|are|will|would|should|tell me|explain)\b"
)
QUESTION_ZH = re.compile("[吗呢么]$|什么|为什么|怎么|谁|哪|几|多少")
FEELING_EN = re.compile(
    r"\bi(?:'m| am| feel)(?: feeling)? ((?:so |very |really |a bit |quite )?[a-z]+(?: and [a-z]+)?)$"
)
LIKING_EN = re.compile(r"\bi (?:really |also )?(like|love|enjoy|hate|want|need|miss) (.+)$")
LONGEST_ECHO_WORDS = 14
LONGEST_ECHO_CHARS = 24


def reflect(conversation: Conversation) -> str:
    return _reflect_zh(conversation) if conversation.language == "zh" else _reflect_en(conversation)


def _reflect_en(conversation: Conversation) -> str:
    words = conversation.words
    feeling, liking = FEELING_EN.search(words), LIKING_EN.search(words)
    if feeling:
        return f"You're {feeling[1]}. What do you think brought that on?"
    if len(words.split()) > LONGEST_ECHO_WORDS:
        return speech(conversation, "too long")
    if liking:
        return f"You {liking[1]} {swap_en(liking[2])}. Tell me what makes you say that."
    if QUESTION_EN.match(words):
        return speech(conversation, "no rule")
    return speech(conversation, "echo").format(echo=swap_en(words))


def _reflect_zh(conversation: Conversation) -> str:
    text = re.sub("[，。！？、；：,.!?]+$", "", conversation.text)
    if len(text) > LONGEST_ECHO_CHARS:
        return speech(conversation, "too long")
    if QUESTION_ZH.search(text):
        return speech(conversation, "no rule")
    return speech(conversation, "echo").format(echo=swap_zh(text))


def swap_en(words: str) -> str:
    return " ".join(SWAP_EN.get(word, word) for word in words.split())


def swap_zh(text: str) -> str:
    return re.sub("|".join(sorted(SWAP_ZH, key=len, reverse=True)), lambda match: SWAP_ZH[match[0]], text)
