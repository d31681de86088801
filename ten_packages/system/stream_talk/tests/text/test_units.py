from __future__ import annotations

from stream_talk.text.stable import StablePrefix, spread_evenly
from stream_talk.text.units import count_words, estimate_speech_ms, estimate_tokens, is_cjk, split_words


def test_words_of_mixed_text() -> None:
    assert split_words("Hello, world! 你好，世界 3.14") == ["Hello,", "world!", "你", "好，", "世", "界", "3.14"]
    assert count_words(" , ... ") == 0


def test_tokens_and_time_grow_with_the_text() -> None:
    assert estimate_tokens("你好") == 2
    assert estimate_tokens("a" * 8) == 2
    assert estimate_speech_ms("你好") == 500
    assert estimate_speech_ms("hello") > estimate_speech_ms("hi") > 0


def test_what_counts_as_cjk() -> None:
    assert all(map(is_cjk, "汉かカ한"))
    assert not any(map(is_cjk, "a1,。é"))


def test_only_what_two_partials_agree_on_is_stable() -> None:
    prefix = StablePrefix()
    assert [w.stable for w in prefix.mark("hello word", 400)] == [False, False]
    assert [w.stable for w in prefix.mark("hello world is", 600)] == [True, False, False]
    assert [w.stable for w in prefix.mark("hello world is big", 800)] == [True, True, True, False]


def test_even_spread_covers_the_time() -> None:
    placed = spread_evenly(["ab", "abcd"], 600)
    assert placed == [("ab", 0, 200), ("abcd", 200, 400)]
    assert spread_evenly([], 100) == []
