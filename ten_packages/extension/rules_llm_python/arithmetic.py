"""Sums in spoken English and Chinese: "what is twelve times seven", 三加五等于几."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from . import spoken_numbers as numbers

MAX_EXPONENT = 64
MAX_BASE = 10**6

# Phrases in the order in which they are looked for: longer ones first. `before:` and `after:` belong to one number.
PHRASES_EN = {
    "to the power of": "^",
    "square root of": "before:sqrt",
    "divided by": "/",
    "multiplied by": "*",
    "percent of": "%",
    "per cent of": "%",
    "% of": "%",
    "half of": "half of",
    "squared": "after:2",
    "cubed": "after:3",
    "times": "*",
    "over": "/",
    "plus": "+",
    "minus": "-",
}
PHRASES_ZH = {
    "的平方": "after:2",
    "的立方": "after:3",
    "乘以": "*",
    "乘": "*",
    "除以": "/",
    "加上": "+",
    "加": "+",
    "减去": "-",
    "减": "-",
    "根号": "before:sqrt",
    "负": "before:minus",
    "一半": "half",
    "的": "的",
    "百分之": "before:percent",
}
ORDINALS_EN = "second third fourth fifth sixth seventh eighth ninth tenth".split()
# Sums that are asked for as a task.
TASKS_EN = [
    (re.compile(pattern), form)
    for pattern, form in (
        (r"\b(?:please|for me|together|altogether)\b", " "),
        (r"\b(?:subtract|take away|take) (.+?) from (.+)", r"\2 minus \1"),
        (r"\b(?:add|sum of) (.+) (?:and|to|plus) (.+)", r"\1 plus \2"),
        (r"\b(?:multiply|product of) (.+?) (?:by|with|and) (.+)", r"\1 times \2"),
        (r"\bdivide (.+?) by (.+)", r"\1 divided by \2"),
        (r"\bdifference (?:between|of) (.+) and (.+)", r"\1 minus \2"),
        (r"\b(?:double|twice)(?: of)? (.+)", r"2 times \1"),
        (r"\btriple(?: of)? (.+)", r"3 times \1"),
        (r"\bto the (\d+)(?:st|nd|rd|th)\b(?: power)?", r"to the power of \1"),
        *((rf"\bto the {nth}\b(?: power)?", f"to the power of {n}") for n, nth in enumerate(ORDINALS_EN, start=2)),
    )
]
PARTS_EN = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
SYMBOLS = {"+": "+", "-": "-", "−": "-", "*": "*", "×": "*", "x": "*", "/": "/", "÷": "/", "^": "^"}
SHARE_ZH = re.compile(r"(\d+|[一二两三四五六七八九十百千万]+)分之(\d+|[一二两三四五六七八九十百千万]+)")
PRECEDENCE = {"+": 1, "-": 1, "*": 2, "of": 2, "/": 2, "%": 2, "^": 3}
# How an operator is said: between the numbers, and after the second one.
SPOKEN = {
    "en": {
        "+": (" plus ", ""),
        "-": (" minus ", ""),
        "*": (" times ", ""),
        "of": (" of ", ""),
        "/": (" divided by ", ""),
        "%": (" percent of ", ""),
        "^": (" to the power of ", ""),
    },
    "zh": {
        "+": ("加", ""),
        "-": ("减", ""),
        "*": ("乘以", ""),
        "of": ("的", ""),
        "/": ("除以", ""),
        "%": ("%的", ""),
        "^": ("的", "次方"),
    },
}
UNARY = {
    "en": {"sqrt": "the square root of {}", "minus": "minus {}", "2": "{} squared", "3": "{} cubed"},
    "zh": {"sqrt": "根号{}", "minus": "负{}", "2": "{}的平方", "3": "{}的立方"},
}


class NotDefined(ValueError):
    """A sum that has no answer, like a division by zero."""


@dataclass(frozen=True, slots=True)
class Operand:
    value: Fraction
    spoken: str
    derived: bool = False  # a root or a square: a sum all by itself


@dataclass(slots=True)
class Sum:
    spoken: str
    value: Fraction


Token = Operand | str
NOISE = "?"


def solve(text: str, language: str) -> Sum | None:
    """The sum in a sentence, or None when it holds none. Raises `NotDefined`."""
    tokens = _tokens_zh(text) if language == "zh" else _tokens_en(text)
    run = _longest_expression(_fold_unary(tokens, language))
    if len(run) < 3 and not (run and isinstance(run[0], Operand) and run[0].derived):
        return None
    return Sum(_say(run, language), _evaluate(run))


def _tokens_en(text: str) -> list[Token]:
    text = text.lower()
    for task, form in TASKS_EN:
        text = task.sub(form, text)
    words = re.findall(r"\d[\d,]*(?:\.\d+)?|[a-z']+|[+\-−*×/÷^%]", text)
    tokens: list[Token] = []
    at = 0
    while at < len(words):
        phrase = next((entry for entry in PHRASES_EN if words[at : at + entry.count(" ") + 1] == entry.split()), None)
        if phrase is not None:
            token = PHRASES_EN[phrase]
            tokens.extend([Operand(Fraction(1, 2), "half"), "of"] if token == "half of" else [token])
            at += phrase.count(" ") + 1
        elif words[at] in SYMBOLS:
            tokens.append(SYMBOLS[words[at]])
            at += 1
        else:
            number, used = _number_en(words[at:])
            tokens.extend(number or [NOISE])
            at += max(used, 1)
    return tokens


def _number_en(words: list[str]) -> tuple[list[Token], int]:
    """A number at the start of `words`, "two thirds of" and "two and a half" included, and how many words it took."""
    if numbers.DIGITS.fullmatch(words[0]):
        value, used = numbers.from_digits(words[0]), 1
    elif words[0] in ("a", "an") and words[1:2] and words[1] in PARTS_EN:
        value, used = Fraction(1), 1
    else:
        value, used = numbers.from_english(words)
    if not used:
        return [], 0
    part = words[used] if used < len(words) else ""
    whole = PARTS_EN.get(part) or PARTS_EN.get(part.removesuffix("s")) or (2 if part == "halves" else 0)
    if whole:
        share: list[Token] = [Operand(value / whole, f"{numbers.say(value, 'en')} {part}")]
        of = words[used + 1 : used + 2] == ["of"]
        return [*share, "of"] if of else share, used + 1 + of
    if words[used : used + 3] == ["and", "a", "half"]:
        value, used = value + Fraction(1, 2), used + 3
    return [_operand(value, "en")], used


def _tokens_zh(text: str) -> list[Token]:
    text = re.sub(r"的(\d+|[零一二三四五六七八九十百]+)次方", r"^\1", text)
    text = re.sub(r"的(\d+|[零一二两三四五六七八九十百]+)倍", r"乘以\1", text)
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        phrase = next((entry for entry in PHRASES_ZH if text.startswith(entry, at)), None)
        digits = numbers.DIGITS.match(text, at)
        chinese = numbers.CJK_NUMBER.match(text, at)
        share = SHARE_ZH.match(text, at)
        if share is not None and phrase is None:
            whole, part = _any_zh(share[1]), _any_zh(share[2])
            tokens.append(Operand(_divide(part, whole), f"{numbers.say(whole, 'zh')}分之{numbers.say(part, 'zh')}"))
            at = share.end()
        elif phrase is not None:
            tokens.append(PHRASES_ZH[phrase])
            at += len(phrase)
        elif digits is not None:
            tokens.append(_operand(numbers.from_digits(digits[0]), "zh"))
            at = digits.end()
        elif chinese is not None:
            tokens.append(_operand(numbers.from_chinese(chinese[0]), "zh"))
            at = chinese.end()
        else:
            if not text[at].isspace():
                tokens.append(SYMBOLS.get(text[at], NOISE))
            at += 1
    return _chinese_parts(tokens)


def _chinese_parts(tokens: list[Token]) -> list[Token]:
    """百分之十的五十 is "10 % of 50" and 十的一半 is "half of 10": the whole comes last or first."""
    parts: list[Token] = []
    for token in tokens:
        if token == "half" and parts[-1:] == ["的"]:
            parts[-1:] = ["of", Operand(Fraction(1, 2), "一半")]
        elif (
            isinstance(token, Operand)
            and len(parts) >= 2
            and parts[-1] == "的"
            and (_is_share(parts[-2]) or _is_share(token))
        ):
            parts[-1:] = ["of", token]
        elif isinstance(token, Operand) and parts[-2:-1] == ["before:percent"]:
            parts[-2:] = [parts[-1], token]
        elif isinstance(token, Operand) and len(parts) >= 3 and parts[-1] == "的" and parts[-3] == "before:percent":
            parts[-3:] = [parts[-2], "%", token]
        else:
            parts.append(token)
    return parts


def _is_share(token: Token) -> bool:
    return isinstance(token, Operand) and "分之" in token.spoken


def _any_zh(text: str) -> Fraction:
    return numbers.from_digits(text) if numbers.DIGITS.fullmatch(text) else numbers.from_chinese(text)


def _operand(value: Fraction, language: str) -> Operand:
    return Operand(value, numbers.say(value, language))


def _fold_unary(tokens: list[Token], language: str) -> list[Token]:
    """Roots, powers and signs become part of the number that they belong to."""
    folded: list[Token] = []
    pending: list[str] = []
    for token in tokens:
        after_number = bool(folded) and isinstance(folded[-1], Operand) and not pending
        if isinstance(token, Operand):
            while pending:
                token = _unary(pending.pop(), token, language)
            folded.append(token)
        elif token.startswith("after:") and after_number:
            folded[-1] = _unary(token.partition(":")[2], folded[-1], language)
        elif token.startswith("before:"):
            pending.append(token.partition(":")[2])
        elif token == "-" and not after_number:
            pending.append("minus")
        else:
            pending.clear()
            folded.append(token)
    return folded


def _unary(operation: str, operand: Token, language: str) -> Operand:
    assert isinstance(operand, Operand)
    spoken = UNARY[language].get(operation, "{}").format(operand.spoken)
    if operation == "minus":
        return Operand(-operand.value, spoken, operand.derived)
    if operation == "sqrt":
        return Operand(_square_root(operand.value), spoken, derived=True)
    if operation in ("2", "3"):
        return Operand(_power(operand.value, Fraction(operation)), spoken, derived=True)
    return operand


def _longest_expression(tokens: list[Token]) -> list[Token]:
    """The longest run of number, operator, number ..."""
    best: list[Token] = []
    run: list[Token] = []
    for token in [*tokens, NOISE]:
        after_number = bool(run) and isinstance(run[-1], Operand)
        if token in PRECEDENCE if after_number else isinstance(token, Operand):
            run.append(token)
            continue
        complete = run if run and isinstance(run[-1], Operand) else run[:-1]
        best = complete if len(complete) > len(best) else best
        run = [token] if isinstance(token, Operand) else []
    return best


def _say(run: list[Token], language: str) -> str:
    spoken, suffix = "", ""
    for token in run:
        if isinstance(token, Operand):
            spoken += token.spoken + suffix
        else:
            between, suffix = SPOKEN[language][token]
            spoken += between
    return spoken


def _evaluate(run: list[Token]) -> Fraction:
    values: list[Fraction] = []
    pending: list[str] = []
    for token in run:
        if isinstance(token, Operand):
            values.append(token.value)
            continue
        while pending and PRECEDENCE[pending[-1]] >= PRECEDENCE[token]:
            _reduce(values, pending.pop())
        pending.append(token)
    while pending:
        _reduce(values, pending.pop())
    return values[0]


def _reduce(values: list[Fraction], operator: str) -> None:
    right, left = values.pop(), values.pop()
    if operator == "+":
        values.append(left + right)
    elif operator == "-":
        values.append(left - right)
    elif operator in ("*", "of"):
        values.append(left * right)
    elif operator == "/":
        values.append(_divide(left, right))
    elif operator == "%":
        values.append(left * right / 100)
    else:
        values.append(_power(left, right))


def _divide(left: Fraction, right: Fraction) -> Fraction:
    if right == 0:
        raise NotDefined("division by zero")
    return left / right


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    """Whole powers of modest size: a person on the phone cannot follow more, and memory stays bounded."""
    if (
        exponent.denominator != 1
        or abs(exponent) > MAX_EXPONENT
        or abs(base) > MAX_BASE
        or (base == 0 and exponent < 0)
    ):
        raise NotDefined("power")
    return base ** int(exponent)


def _square_root(value: Fraction) -> Fraction:
    if value < 0:
        raise NotDefined("root of a negative number")
    exact = math.isqrt(value.numerator)
    if value.denominator == 1 and exact * exact == value.numerator:
        return Fraction(exact)
    return Fraction(math.sqrt(value))
