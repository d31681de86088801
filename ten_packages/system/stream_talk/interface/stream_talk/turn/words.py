"""Words of a transcript, for Latin and CJK alike: what the other decisions of this room compare and count."""

from __future__ import annotations

import re
from collections.abc import Iterable

# One CJK character counts as one word: there are no spaces to go by, and a character takes about as long as a short word.
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’\-][^\W_{_CJK}]+)*")
_CJK_CHAR = re.compile(rf"[{_CJK}]")


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return [w.replace("’", "'") for w in _TOKEN.findall(text.casefold())]


def is_cjk(character: str) -> bool:
    return bool(_CJK_CHAR.match(character))


def has_cjk(text: str) -> bool:
    return bool(_CJK_CHAR.search(text))


def same_words(one: str, other: str) -> bool:
    """True when two transcripts differ at most in case, spacing and punctuation."""
    return words_of(one) == words_of(other)


def join_segments(parts: Iterable[str]) -> str:
    """Join transcripts of successive segments: a space between words, none between CJK characters."""
    joined = ""
    for part in (p.strip() for p in parts):
        if not part:
            continue
        if joined and not (is_cjk(joined[-1]) or is_cjk(part[0])):
            joined += " "
        joined += part
    return joined


def spoken_duration_ms(text: str) -> float:
    """About how long it takes to say this: 65 ms per Latin character and 230 ms per CJK character (usual synthetic voices)."""
    cjk = len(_CJK_CHAR.findall(text))
    return 230.0 * cjk + 65.0 * (len(text) - cjk)
