"""Numbers as people say them: "one hundred and twenty three point five", 一百二十三点五."""

from __future__ import annotations

import re
from fractions import Fraction

_ENGLISH_ONES = (
    "zero one two three four five six seven eight nine ten"
    " eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()

UNITS = {word: value for value, word in enumerate(_ENGLISH_ONES)}
TENS = {word: 10 * value for value, word in enumerate(_ENGLISH_TENS, start=2)}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
OTHER = {"a": 1, "an": 1, "oh": 0, "dozen": 12, "couple": 2}

CJK_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
CJK_SCALES = {"十": 10, "百": 100, "千": 1000}
CJK_GROUPS = {"万": 10**4, "亿": 10**8}
CJK_NUMBER = re.compile("[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]+)?")
DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")


def from_digits(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def from_english(words: list[str]) -> tuple[Fraction, int]:
    """The number at the start of `words` and how many words it took; (0, 0) when there is none."""
    total, group, used = 0, 0, 0
    for word in words:
        following = words[used + 1] if used + 1 < len(words) else ""
        if word in ("a", "an") and following not in SCALES and following not in OTHER:
            break
        if word in UNITS or word in TENS or word in OTHER:
            group = group * OTHER[word] if word == "dozen" and group else group + _small(word)
        elif word == "hundred":
            group = max(group, 1) * 100
        elif word in SCALES:
            total, group = total + max(group, 1) * SCALES[word], 0
        elif not (word == "and" and used and (following in UNITS or following in TENS)):
            break
        used += 1
    if used and words[used : used + 1] == ["point"]:
        decimals = _digits_spoken(words[used + 1 :])
        if decimals:
            return total + group + Fraction(int(decimals), 10 ** len(decimals)), used + 1 + len(decimals)
    return Fraction(total + group), used


def _small(word: str) -> int:
    return UNITS.get(word, TENS.get(word, OTHER.get(word, 0)))


def _digits_spoken(words: list[str]) -> str:
    digits = ""
    for word in words:
        value = UNITS.get(word, OTHER.get(word) if word == "oh" else None)
        if value is None or value > 9:
            break
        digits += str(value)
    return digits


def from_chinese(text: str) -> Fraction:
    whole, _, decimals = text.partition("点")
    fraction = Fraction(0)
    if decimals:
        digits = "".join(str(CJK_DIGITS[char]) for char in decimals)
        fraction = Fraction(int(digits), 10 ** len(digits))
    if len(whole) > 1 and all(char in CJK_DIGITS for char in whole):  # digit by digit, as in a year: 二零二六
        return Fraction("".join(str(CJK_DIGITS[char]) for char in whole)) + fraction
    total = section = digit = 0
    for char in whole:
        if char in CJK_DIGITS:
            digit = CJK_DIGITS[char]
        elif char in CJK_SCALES:
            section += (digit or 1) * CJK_SCALES[char]
            digit = 0
        else:
            total = (total + section + digit) * CJK_GROUPS[char]
            section = digit = 0
    return total + section + digit + fraction


def say(value: Fraction, language: str) -> str:
    """Digits, because every voice reads them; rounded where the fraction has no end, and saying so."""
    minus, about = ("minus ", "about ") if language == "en" else ("负", "大约")
    sign, size = (minus if value < 0 else ""), abs(value)
    if size.denominator == 1:
        return sign + (f"{size.numerator:,}" if language == "en" else str(size.numerator))
    rounded = f"{float(size):.3f}".rstrip("0").rstrip(".")
    return sign + rounded if Fraction(rounded) == size else f"{about}{sign}{rounded}"


def english_words(value: int) -> str:
    """0 to 99, for the hands of a clock."""
    if value < 20:
        return _ENGLISH_ONES[value]
    tens, ones = divmod(value, 10)
    return _ENGLISH_TENS[tens - 2] + (f"-{_ENGLISH_ONES[ones]}" if ones else "")


def chinese_words(value: int) -> str:
    """0 to 99."""
    digits = "零一二三四五六七八九"
    if value < 10:
        return digits[value]
    tens, ones = divmod(value, 10)
    return ("" if tens == 1 else digits[tens]) + "十" + (digits[ones] if ones else "")
