"""What is kept out of the voice, wherever the tokens are cut, and where the spoken text stands in the shown one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.text.speakable import SpeakableFilter, speakable
from stream_talk.text.spoken import SpokenClauses


@pytest.mark.parametrize(
    ("shown", "spoken"),
    [
        ("plain text, nothing else", "plain text, nothing else"),
        ("<think>no\nno</think>Yes", "Yes"),
        ("<think>a <b>bold</b> 1 < 2 thought</think>Yes", "Yes"),
        ("<thinking>x</thinking>Yes", "Yes"),
        ("**bold** and *soft* and __under__ and ~~gone~~", "bold and soft and under  and gone"),
        ("# Title", "Title"),
        ("### Title", "Title"),
        ("- one\n* two\n+ three", "one\ntwo\nthree"),
        ("> quoted", "quoted"),
        ("see [the page](https://a.org/x?y=(1)", "see the page"),
        ("run `ls -l` now", "run ls -l now"),
        ("smile 😀👍🏽❤️ end", "smile  end"),
        ("snake_case", "snake case"),
        ("a<br>b", "ab"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("C# and F#", "C# and F#"),
        ("#1 in the charts", "#1 in the charts"),
        ("-5 degrees", "-5 degrees"),
        ("go to https://www.example.com/path/x?y=1.", "go to example.com."),
        ("go to www.example.com!", "go to example.com!"),
        ("http is a word, how about that", "http is a word, how about that"),
        ("看https://a.com/b。好", "看https://a.com/b。好"[:1] + "a.com。好"),
        ("3 | 4", "3   4"),
        ("5 * 3 = 15 and 2**3 is 8", "5 × 3 = 15 and 2**3 is 8"),
        ("5*3 is 15, *really*, 1 of **2**", "5×3 is 15, really, 1 of 2"),
        ("x<y and y>z, a<b and c>d", "x<y and y>z, a<b and c>d"),
        ("a list<int> of numbers", "a list<int> of numbers"),
        ("<answer>yes</answer><|im_end|>", "yes"),
        ('<span class="x">red</span>', "red"),
        ("see [the page](https://a.org/x_(y)) first", "see the page first"),
        ("as shown[1] and [2]", "as shown 1 and 2"),
        ("Look:\n~~~sh\nls\n~~~\nDone", "Look:\n\n\nDone"),
    ],
)
def test_marks_are_left_out(shown: str, spoken: str) -> None:
    assert speakable(shown) == spoken


def test_code_blocks_and_tables_are_left_out() -> None:
    shown = "Here:\n```python\nprint('no')\n```\n| a | b |\n|---|---|\n| 1 | 2 |\nDone."
    assert speakable(shown).split() == ["Here:", "Done."]


def test_reasoning_without_opening_tag() -> None:
    """Some chat templates open the tag in the prompt, so the stream starts inside."""
    filter_ = SpeakableFilter(starts_in_reasoning=True)
    assert filter_.feed("hidden</think>shown") + filter_.finish() == "shown"


def test_unfinished_constructs_end_with_the_text() -> None:
    assert speakable("<think>never closed") == ""
    assert speakable("```\nnever closed") == ""
    assert speakable("it is h") == "it is h"
    assert speakable("see https://a.org") == "see a.org"
    assert speakable("less <") == "less "


def test_nothing_is_held_back_without_need() -> None:
    filter_ = SpeakableFilter()
    assert [filter_.feed(token) for token in ("Hello", " there", ".", " <")] == ["Hello", " there", ".", " "]
    assert filter_.feed("3") == "<3"


_PIECES = st.sampled_from(
    ["word", "**b**", "`c`", "<think>", "</think>", "```", "\n", " ", "😀", "[l](http://x.y)", "https://www.a.org/p"]
) | st.sampled_from(["- ", "# ", "| x |", "<b>", "你好", "_", "<", "h", "ww", ". ", "*", "2", "~~~", "x<y", "["])


@given(st.lists(_PIECES, max_size=25).map("".join), st.integers(1, 7))
def test_any_tokens_give_the_same_text(shown: str, size: int) -> None:
    filter_ = SpeakableFilter()
    spoken = "".join(filter_.feed(shown[i : i + size]) for i in range(0, len(shown), size)) + filter_.finish()
    assert spoken == speakable(shown)
    assert len(filter_.source) == len(spoken)
    assert list(filter_.source) == sorted(filter_.source)


@given(st.text(max_size=200))
def test_spoken_characters_come_from_where_they_say(shown: str) -> None:
    filter_ = SpeakableFilter()
    spoken = filter_.feed(shown) + filter_.finish()
    for char, at in zip(spoken, filter_.source, strict=True):
        assert shown[at] == char or char in " \n" or (shown[at], char) == ("*", "×")


def test_clauses_stand_where_they_are_shown() -> None:
    shown = "<think>hm</think>**Hello** there! See [the docs](https://a.b/c). Bye 😀"
    clauses = SpokenClauses()
    found = clauses.feed(shown) + clauses.finish()
    assert [c.text for c in found] == ["Hello there!", "See the docs.", "Bye"]
    assert [shown[c.start : c.end] for c in found] == ["Hello** there!", "See [the docs](https://a.b/c).", "Bye"]


def test_an_emoji_at_the_end_does_not_hold_the_clause() -> None:
    clauses = SpokenClauses()
    assert [c.text for c in clauses.feed("Great.")] == ["Great."]
    assert clauses.feed(" 😀") == []
    assert clauses.finish() == []


_NASTY = st.sampled_from(
    """**Note:**|*really*?|`x = 1;`|<think>no. yes!</think>|</think>|```py|```|~~~|https://a.org/x?y=1.|www.b.org,|me@x.org!|3.14|1,000;
    No. 5|Fig. 2.|e.g. this|U.S. law|5 * 3|2**3|x<y|y>z.|[page](http://a.b/c_(d)).|[1]|👨‍👩‍👧‍👦!|1️⃣|"Stop."|(see it)|...|…|—|你好，|3.5倍。
    はい、|안녕!|<br>|<|im_end|>|snake_case,|- [ ] do|| a | b ||#tag.|$3.50.|etc.|a.m.""".replace("\n    ", "|").split(
        "|"
    )
)


@given(
    st.lists(_NASTY, min_size=1, max_size=14),
    st.sampled_from([" ", "\n", " \n"]),
    st.sets(st.integers(1, 250), max_size=40),
)
def test_any_tokens_give_the_same_clauses_of_a_marked_up_text(pieces: list[str], gap: str, places: set[int]) -> None:
    """But for a token that ends between a dot and what is glued to it, see `clauses`."""
    shown = gap.join(pieces) + " end"
    cuts = [
        0,
        *sorted(p for p in places if 0 < p < len(shown) and not (shown[p - 1] == "." and shown[p].strip())),
        len(shown),
    ]
    whole, cut = SpokenClauses(), SpokenClauses()
    expected = whole.feed(shown) + whole.finish()
    found = [clause for a, b in itertools.pairwise(cuts) for clause in cut.feed(shown[a:b])] + cut.finish()
    assert found == expected
