"""The heard ledger: word accurate with word times, bounded otherwise, whole at the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.turn.ledger import ReplyLedger
from stream_talk.turn.words import words_of

TEXT = "Hello there, my friend. How are you today?"
WORDS = TEXT.replace(",", "").replace(".", "").replace("?", "").split()


def with_words(text: str = TEXT, words: list[str] = WORDS, each_ms: int = 300) -> ReplyLedger:
    ledger = ReplyLedger()
    ledger.add_text(text)
    entries = [{"word": w, "start_ms": i * each_ms, "duration_ms": each_ms} for i, w in enumerate(words)]
    ledger.add_result(text, 0, len(words) * each_ms, entries)
    return ledger


def at(ledger: ReplyLedger, played_ms: float) -> str:
    ledger.played(played_ms)
    return ledger.heard().text


@pytest.mark.parametrize(
    ("played_ms", "heard"),
    [
        (0, ""),
        (100, ""),
        (160, "Hello"),
        (599, "Hello there"),
        (1190, "Hello there, my friend."),
        (2300, TEXT.rstrip()),
    ],
)
def test_word_times_give_word_accuracy(played_ms, heard):
    assert at(with_words(), played_ms) == heard


def test_the_bound_of_a_broken_word_is_half_of_it():
    ledger = with_words()
    ledger.played(700)
    assert ledger.heard().error_bound_ms == 150


def test_heard_and_unheard_make_the_whole():
    ledger = with_words()
    for played in range(0, 2500, 50):
        ledger.played(played)
        heard = ledger.heard()
        assert words_of(heard.text) + words_of(heard.unheard) == words_of(TEXT)


def test_chinese_counts_characters():
    ledger = with_words("你好，我的朋友。", list("你好我的朋友"), 200)
    assert at(ledger, 890) == "你好，我的"
    assert at(ledger, 1200) == "你好，我的朋友。"


def test_without_word_times_the_clause_is_shared_out_in_whole_words():
    ledger = ReplyLedger()
    ledger.add_text("One two three four five six.")
    ledger.add_result("One two three four five six.", 0, 2000, [])
    ledger.played(1000)
    heard = ledger.heard()
    assert heard.text in ("One two", "One two three")
    assert heard.error_bound_ms == 500


def test_without_any_times_the_usual_rate_is_taken_and_the_bound_says_so():
    ledger = ReplyLedger()
    ledger.add_text("This is a longer sentence without any known times at all.")
    ledger.played(1500)
    heard = ledger.heard()
    assert heard.text.startswith("This is a") and heard.unheard
    assert heard.error_bound_ms == 750


def test_results_that_come_after_playing_began_are_used():
    ledger = ReplyLedger()
    ledger.add_text("Alpha beta gamma.")
    ledger.played(700)
    ledger.add_result(
        "Alpha beta gamma.",
        0,
        900,
        [
            {"word": "Alpha", "start_ms": 0, "duration_ms": 300},
            {"word": "beta", "start_ms": 300, "duration_ms": 300},
            {"word": "gamma", "start_ms": 600, "duration_ms": 300},
        ],
    )
    assert ledger.heard().text == "Alpha beta"


def test_clauses_are_appended_with_their_offsets():
    ledger = ReplyLedger()
    ledger.add_text("First part.")
    ledger.add_text("Second part.")
    ledger.add_result(
        "First part.",
        0,
        800,
        [{"word": "First", "start_ms": 0, "duration_ms": 400}, {"word": "part", "start_ms": 400, "duration_ms": 400}],
    )
    ledger.add_result(
        "Second part.",
        900,
        800,
        [
            {"word": "Second", "start_ms": 900, "duration_ms": 400},
            {"word": "part", "start_ms": 1300, "duration_ms": 400},
        ],
    )
    assert at(ledger, 850) == "First part."
    assert at(ledger, 1250) == "First part. Second"


def test_words_read_out_differently_do_not_derail_the_rest():
    ledger = ReplyLedger()
    ledger.add_text("It costs 42 euros today.")
    spoken = ["It", "costs", "forty", "two", "euros", "today"]
    ledger.add_result(
        "It costs 42 euros today.",
        0,
        1800,
        [{"word": w, "start_ms": 300 * i, "duration_ms": 300} for i, w in enumerate(spoken)],
    )
    assert at(ledger, 1500) == "It costs 42 euros"


def test_the_end_is_everything_even_when_a_frame_is_missing():
    ledger = with_words()
    ledger.text_complete = True
    ledger.ended(2400)
    ledger.played(2380)
    heard = ledger.heard()
    assert heard.complete and heard.text == TEXT and not heard.unheard and heard.error_bound_ms == 0


def test_resume_begins_at_the_broken_word():
    ledger = with_words()
    ledger.played(1000)
    assert ledger.resume_ms() == 900
    ledger.played(900)
    assert ledger.resume_ms() == 900


def test_truncate_looks_back_but_never_forward():
    ledger = with_words()
    ledger.played(1200)
    assert ledger.heard(600).text == "Hello there"
    assert ledger.heard(9000).text == "Hello there, my friend."


@given(
    st.lists(st.sampled_from(["cat", "big", "好", "a", "窗户", "window"]), min_size=1, max_size=12),
    st.integers(0, 6000),
)
def test_more_playing_never_means_less_heard(words, played):
    text = " ".join(words)
    for ledger in (with_words(text, words), ReplyLedger()):
        if not ledger.spoken:
            ledger.add_text(text)
        ledger.played(played)
        before = ledger.heard().text
        ledger.played(played + 170)
        after = ledger.heard().text
        assert len(after) >= len(before) and text.startswith(before)
        assert 0 <= ledger.resume_ms() <= played + 170
