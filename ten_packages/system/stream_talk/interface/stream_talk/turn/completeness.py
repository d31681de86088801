"""Does this sound like the end of a sentence? From the words alone.

The fallback of `turn_detection`: always there, a few microseconds, English and Chinese. The answer is a probability, because
`endpoint` turns it into a waiting time without a cliff.
"""

from __future__ import annotations

from stream_talk.turn.backchannel import FILLERS
from stream_talk.turn.words import has_cjk, words_of

_TAIL_CHARS = 300  # the end decides; a long monologue must not cost more than a short sentence
UNKNOWN = 0.7  # a phrase that neither hangs in the air nor looks rounded off

# A sentence hardly ever ends with these.
_DANGLING = frozenset(
    """a an the and or but so because if then than that which who whose when while although though unless until since as
    of to in on at for from with without by about into onto over under between through during before after against
    my your his her its our their this these those some any every each no
    i we they he she you're i'm we're they're it's he's she's i'll we'll i'd we'd there's that's let's
    is are was were be been am do does did have has had will would could should can may might must shall
    want wants need needs like very really quite just also maybe perhaps well actually basically
    """.split()
)
# These take a dangling look away: "yes I do", "that is what I like", "I think so".
_ROUNDED_TAILS = frozenset(
    tuple(tail.split())
    for tail in (
        "i do|i am|i did|i can|i have|i will|think so|you are|you do|you did|you can|you have|we do|we have|they do|they are|"
        "it is|it was|it does|that is|what is|what for|who is|where from|to do|about it|about that|for me|with me|to me"
    ).split("|")
)
_QUESTION_OPENERS = frozenset(
    "what what's when where where's who who's why how how's which can could would will do does did is are am should may".split()
)
_QUESTION_TAILS = frozenset("you me it this that one them us".split())
_ROUNDED_ALONE = frozenset(
    "yes no yeah nope okay ok sure thanks hello hi hey goodbye bye stop please help right exactly never always".split()
)

_ZH_DANGLING = ("和", "跟", "但是", "可是", "因为", "所以", "如果", "然后", "就是", "那个", "这个", "还有", "或者", "比如", "而且", "不过",
                "虽然", "的话", "在", "把", "被", "给", "从", "向", "对于", "关于", "我想", "我要", "想要", "我", "你", "他", "她", "它",
                "我们", "一个", "一下子", "要是", "等到", "并且", "以及", "是", "很", "最", "更")  # fmt: skip
_ZH_CLOSING = (
    "吗",
    "呢",
    "吧",
    "啊",
    "呀",
    "啦",
    "嘛",
    "谢谢",
    "再见",
    "你好",
    "怎么样",
    "什么",
    "多少",
    "几点",
    "哪里",
    "好不好",
    "可以",
    "了",
)


def finished_probability(text: str) -> float:
    """0 = certainly goes on, 1 = certainly over."""
    stripped = text.strip()[-_TAIL_CHARS:]
    words = words_of(stripped)
    if not words:
        return 0.0
    by_mark = _by_punctuation(stripped)
    if by_mark is not None:
        return by_mark
    return _chinese(stripped, words) if has_cjk(stripped[-1]) else _latin(words)


def _by_punctuation(text: str) -> float | None:
    if text.endswith(("...", "…", ",", "，", "、", ":", "：", "-", "—")):
        return 0.03
    if text.endswith(("?", "？")):
        return 0.97
    if text.endswith(("!", "！", "。")):
        return 0.93
    # Recognisers put full stops generously, so a full stop after a dangling word counts for nothing.
    if text.endswith(".") and words_of(text)[-1] not in _DANGLING:
        return 0.9
    return None


def _latin(words: list[str]) -> float:
    last = words[-1]
    if last in FILLERS:
        return 0.03
    if tuple(words[-2:]) in _ROUNDED_TAILS:
        return 0.85
    if last in _DANGLING:
        return 0.03
    if len(words) == 1:
        return 0.85 if last in _ROUNDED_ALONE else 0.55
    if words[0] in _QUESTION_OPENERS and last in _QUESTION_TAILS:
        return 0.9
    if words[0] in _QUESTION_OPENERS:
        return 0.9 if len(words) >= 3 else 0.5
    if last in ("please", "thanks", "you", "now", "today", "it", "that"):
        return 0.85
    return UNKNOWN if len(words) >= 3 else 0.6


def _chinese(text: str, words: list[str]) -> float:
    if words[-1] in FILLERS and len(words) <= 1:
        return 0.03
    if text.endswith(_ZH_CLOSING):
        return 0.9
    if text.endswith(_ZH_DANGLING):
        return 0.03
    return UNKNOWN if len(words) >= 3 else 0.55
