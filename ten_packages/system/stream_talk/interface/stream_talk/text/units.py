"""Counting and splitting words in text that mixes CJK and Latin."""

from __future__ import annotations

import re

_CJK_RANGES = (
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),  # hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)
_CJK_CLASS = "".join(f"{chr(first)}-{chr(last)}" for first, last in _CJK_RANGES)
# One CJK sign is one word; everything else splits at white space. Punctuation stays with what it follows.
_WORD = re.compile(rf"[{_CJK_CLASS}][^\w\s{_CJK_CLASS}]*|[^\s{_CJK_CLASS}]+")


def is_cjk(char: str) -> bool:
    code = ord(char)
    if code < 0x3040:  # nearly every character of a Latin text
        return False
    return any(first <= code <= last for first, last in _CJK_RANGES)


def split_words(text: str) -> list[str]:
    """Words with the punctuation that belongs to them; every CJK sign is a word. Pieces without a letter or digit are left out."""
    return [word for word in _WORD.findall(text) if any(c.isalnum() for c in word)]


def count_words(text: str) -> int:
    return len(split_words(text))


def estimate_tokens(text: str) -> int:
    """About as many tokens as a language model would count: a CJK sign is one, other text one per four characters."""
    cjk = sum(1 for char in text if is_cjk(char))
    return cjk + (len(text) - cjk + 3) // 4


def estimate_speech_ms(text: str) -> float:
    """How long a voice takes for this, roughly: 250 ms for a CJK sign, 65 ms for another character that is spoken."""
    cjk = sum(1 for char in text if is_cjk(char))
    spoken = sum(1 for char in text if char.isalnum()) - cjk
    return cjk * 250.0 + max(0, spoken) * 65.0
