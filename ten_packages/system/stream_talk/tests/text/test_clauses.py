"""Where clauses end, and that it does not matter how the text was cut into tokens."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.testing.engines import tokenize
from stream_talk.text.clauses import Clause, ClauseRules, ClauseSplitter


def clauses_of(tokens: list[str]) -> list[Clause]:
    splitter = ClauseSplitter()
    clauses = [clause for token in tokens for clause in splitter.feed(token)]
    return clauses + splitter.finish()


def texts_of(text: str) -> list[str]:
    return [clause.text for clause in clauses_of(tokenize(text))]


@pytest.mark.parametrize(
    "text",
    [
        "Pi is 3.14 or so",
        "Ask Dr. Smith or Prof. Li about it",
        "Fruit, e.g. apples, i.e. food"[:11] + " e.g. apples",
        "See https://example.com/a.b?c=1,2;d!x for more",
        "Write to jane.doe@mail.example.org today",
        "It costs 1,000,000 yen",
        "At 10:30 we met",
        "Open main.py and node.js first",
        "J. R. Smith wrote it",
        "The U.S. economy",
        "See Fig. 3 and No. 5 in Sec. 2",
        "圆周率是3.14左右",
    ],
)
def test_never_splits_inside(text: str) -> None:
    assert texts_of(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("Stop! Go on; now", ["Stop!", "Go on;", "now"]),
        ("It is 3. Then it is 4.", ["It is 3.", "Then it is 4."]),
        ("We met at 5 p.m. The end.", ["We met at 5 p.m.", "The end."]),
        ("Apples, pears etc. They are good.", ["Apples, pears etc.", "They are good."]),
        ("1. First thing\n2. Second thing", ["1. First thing", "2. Second thing"]),
        ("Wait... what?", ["Wait.", "what?"]),
        ("Yes, but only a little bit of it, please", ["Yes, but only a little bit of it,", "please"]),
        ("你好！今天天气很好，我们出去走走吧。", ["你好！", "今天天气很好，", "我们出去走走吧。"]),
        ("好的，走", ["好的，走"]),
        ("I said no. Really.", ["I said no.", "Really."]),
        ("Is it Dr. No. Yes", ["Is it Dr. No.", "Yes"]),
        ("One sec. Here it is.", ["One sec.", "Here it is."]),
        ('He said "go." Then left.', ['He said "go.', "Then left."]),
        ("See https://a.org/x. Then go", ["See https://a.org/x.", "Then go"]),
    ],
)
def test_ends_where_it_should(text: str, expected: list[str]) -> None:
    assert texts_of(text) == expected


@pytest.mark.parametrize("mark", [".", "!", "?", "。", "！", "？", "\n"])
def test_a_clause_is_there_with_its_mark(mark: str) -> None:
    """Waiting for the next token would cost its whole time at every sentence."""
    splitter = ClauseSplitter()
    assert splitter.feed("That is all") == []
    assert [c.text for c in splitter.feed(mark)] == [f"That is all{mark}".strip()]


def test_an_ambiguous_dot_waits_for_one_character() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("It is 3.") == []
    assert splitter.feed("1") == []
    assert splitter.feed(" now.") == [Clause("It is 3.1 now.", 0, 14)]


@pytest.mark.parametrize("text", ["I said no.", "No."])
def test_a_spoken_no_is_not_held_back(text: str) -> None:
    assert [c.text for c in ClauseSplitter().feed(text)] == [text]


def test_a_comma_counts_only_when_enough_is_pending() -> None:
    assert [c.text for c in ClauseSplitter().feed("Well, ")] == []
    assert [c.text for c in ClauseSplitter().feed("Well then my friend, ")] == ["Well then my friend,"]
    assert [c.text for c in ClauseSplitter(ClauseRules(min_chars_at_comma=1)).feed("Well, ")] == ["Well,"]


def test_long_text_is_cut_between_words() -> None:
    text = "word " * 100
    clauses = texts_of(text)
    assert max(len(c) for c in clauses) <= 121
    assert " ".join(clauses).split() == text.split()


def test_long_chinese_text_is_cut() -> None:
    assert max(len(c) for c in texts_of("的" * 200)) <= 41


def test_a_word_without_end_is_cut_too() -> None:
    assert max(len(c) for c in texts_of("x" * 5000)) <= 480


def test_nothing_to_speak_gives_no_clause() -> None:
    assert texts_of(" ... !? \n ，。") == []


def test_can_be_used_again_after_finish() -> None:
    splitter = ClauseSplitter()
    splitter.feed("One")
    assert [c.text for c in splitter.finish()] == ["One"]
    assert splitter.feed("Two.") == [Clause("Two.", 3, 7)]


_PIECES = st.sampled_from(
    [
        "Hello",
        "world",
        "3.14",
        "1,000",
        "Dr. Wu",
        "e.g. this",
        "https://a.org/b",
        "me@x.org",
        "10:30",
        "你好",
        "天气",
        "etc.",
        "a.m.",
        "J.",
        "No. 5",
    ]
)
_MARKS = st.sampled_from(
    [" ", " ", " ", ". ", ", ", "! ", "? ", "... ", "。", "，", "！", "\n", "; ", ": ", '" ', ") ", "?! "]
)
_TEXT = st.lists(st.tuples(_PIECES, _MARKS), min_size=1, max_size=25).map(
    lambda parts: "".join(a + b for a, b in parts)
)


def cuts(text: str, positions: set[int]) -> list[str]:
    """Tokens cut at these positions, but never between a dot and the letter or digit that follows it, as no tokenizer does."""
    places = sorted(p for p in positions if 0 < p < len(text) and not re.match(r"\.[0-9A-Za-z]", text[p - 1 : p + 1]))
    edges = [0, *places, len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(_TEXT, st.sets(st.integers(1, 400), max_size=60))
def test_any_tokens_give_the_same_clauses(text: str, positions: set[int]) -> None:
    assert clauses_of(cuts(text, positions)) == clauses_of([text])


@given(_TEXT)
def test_every_clause_knows_its_place_and_no_word_is_lost(text: str) -> None:
    clauses = clauses_of(tokenize(text))
    assert all(text[c.start : c.end] == c.text for c in clauses)
    assert "".join(re.findall(r"\w", "".join(c.text for c in clauses))) == "".join(re.findall(r"\w", text))
    assert all(a.end <= b.start for a, b in itertools.pairwise(clauses))


@given(st.text(max_size=300), st.sets(st.integers(1, 300), max_size=30))
def test_any_text_at_all_survives(text: str, positions: set[int]) -> None:
    clauses = clauses_of(cuts(text, positions))
    assert all(text[c.start : c.end] == c.text for c in clauses)
