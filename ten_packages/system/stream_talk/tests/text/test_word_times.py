from __future__ import annotations

import pytest
from stream_talk.text.word_times import Phoneme, spoken_groups, timed_words, words_of_sentences


def phonemes(signs: str, each_ms: float = 50.0) -> list[Phoneme]:
    return [Phoneme(sign, i * each_ms, (i + 1) * each_ms) for i, sign in enumerate(signs)]


def test_words_get_the_times_of_their_phonemes_without_the_marks_behind_them():
    words = timed_words(["Hi,", "you!"], phonemes("haɪ, juː!"))
    assert [(w.text, w.start_ms, w.duration_ms) for w in words] == [("Hi,", 0, 150), ("you!", 250, 150)]


@pytest.mark.parametrize(
    ("signs", "count"), [("haɪ, juː!", 2), ("haɪ — juː", 2), ("", 0), ("...", 0), ("əvðə haʊs", 2)]
)
def test_a_group_of_marks_is_no_word(signs: str, count: int):
    assert spoken_groups(signs) == count


def test_words_are_dealt_to_the_sentences_that_speak_them():
    assert words_of_sentences("Hello there. Bye!", [2, 1]) == [["Hello", "there."], ["Bye!"]]


def test_where_the_counts_differ_nothing_is_claimed():
    assert words_of_sentences("It is 3.14.", [5]) == []
    assert timed_words(["one"], phonemes("wʌn tuː")) == []
