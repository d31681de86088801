"""Words for full-text search, in every script.

SQLite's tokenizer takes a run of Chinese for one word. We index such runs as overlapping pairs of characters, and ask in the same
way, so that 喜欢 is found inside 我很喜欢茶.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[^\W_]+", re.UNICODE)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

# Too common to tell memories apart; leaving them out keeps the search fast.
_COMMON_ENGLISH = """
a an and are as at be but by can could did do does for from had has have he her him his how i if in is it its me my not of on or our
she should so that the their them there they this to was we were what when where which who why will with would you your about tell
please know like just
"""
_COMMON_CHINESE = """
的 了 是 我 你 他 她 它 们 在 吗 呢 吧 啊 什么 怎么 这个 那个 一个 我们 你们 他们 可以 我的 你的
"""
_COMMON = frozenset((_COMMON_ENGLISH + _COMMON_CHINESE).split())


def _pieces(run: str) -> list[str]:
    if not _WIDE.match(run):
        return [run.lower()]
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def index_words(text: str) -> str:
    """What goes into the index for a text."""
    return " ".join(piece for run in _TOKEN.findall(text) for piece in _pieces(run))


def query_words(text: str, *, limit: int = 12) -> list[str]:
    """The telling words of a question, in order, without repeats."""
    pieces = (piece for run in _TOKEN.findall(text) for piece in _pieces(run))
    telling = [piece for piece in pieces if piece not in _COMMON]
    return list(dict.fromkeys(telling))[:limit]
