"""Sounds during a reply: coughs and signs of listening resume, interruptions cut, nothing stays undecided."""

import pytest
from stream_talk.turn.backchannel import content_words, is_stop, only_fillers
from stream_talk.turn.barge_in import SENSITIVITIES, BargeIn, Verdict

NORMAL = SENSITIVITIES["normal"]


def sound(*, heard_nothing: bool = False, sensitivity: str = "normal") -> BargeIn:
    return BargeIn(SENSITIVITIES[sensitivity], 0.0, heard_nothing=heard_nothing)


def test_a_sound_ducks_first_and_pauses_only_when_it_goes_on():
    barge = sound()
    assert barge.tick(100) is Verdict.NONE
    assert barge.next_ms() == 150
    assert barge.tick(150) is Verdict.PAUSE
    assert barge.tick(160) is Verdict.NONE
    assert barge.next_ms() == 1500


def test_a_cough_resumes_as_soon_as_the_recogniser_heard_no_words():
    barge = sound()
    barge.tick(150)
    assert barge.speech_end(220, 400) is Verdict.NONE
    assert barge.words("", 460, final=True) is Verdict.RESUME


def test_a_cough_resumes_even_when_the_recogniser_stays_silent():
    barge = sound()
    barge.speech_end(220, 400)
    assert barge.next_ms() == 820
    assert barge.tick(819) is Verdict.NONE
    assert barge.tick(820) is Verdict.RESUME


def test_a_short_sound_never_pauses():
    barge = sound()
    barge.speech_end(120, 140)
    assert barge.tick(300) is Verdict.NONE


@pytest.mark.parametrize(
    "text",
    [
        "mm-hmm",
        "uh huh",
        "Yeah.",
        "ok",
        "oh I see",
        "right, right",
        "嗯",
        "对对",
        "好的",
        "是的 我知道",
        "absolutely",
        "you're right",
        "haha",
        "懂了",
        "有道理",
        "哈哈",
        "好吧，原来如此",
        "沒錯",
    ],
)
def test_signs_of_listening_resume(text):
    barge = sound()
    barge.tick(150)
    assert barge.words(text, 500) is Verdict.NONE
    barge.speech_end(600, 800)
    assert barge.words(text, 850, final=True) is Verdict.RESUME


@pytest.mark.parametrize(
    "text", ["no that is wrong", "yeah but what about tomorrow", "actually", "等一下我想问", "不是这个"]
)
def test_words_with_content_cut(text):
    assert sound().words(text, 300) is Verdict.CUT


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "Stop it!",
        "please stop",
        "no, stop stop stop please",
        "okay that's enough now",
        "wait, never mind",
        "停",
        "别说了",
        "停停停",
        "请你先停一下吧",
        "够了",
        "別說了",
    ],
)
def test_a_word_for_silence_cuts_whatever_the_thresholds(text):
    assert is_stop(text)
    assert sound(sensitivity="careful").words(text, 120) is Verdict.CUT


def test_a_sentence_that_contains_stop_is_not_the_command():
    for text in (
        "when does the bus stop here",
        "please",
        "no no no",
        "okay",
        "stop signs",
        "don't stop",
        "雨停了吗",
        "好吧",
        "",
    ):
        assert not is_stop(text)


def test_minimum_duration_and_words_are_kept():
    careful = sound(sensitivity="careful")
    assert careful.words("what about", 300) is Verdict.PAUSE  # enough words, too short
    assert careful.tick(500) is Verdict.CUT
    assert sound(sensitivity="careful").words("what", 900) is Verdict.PAUSE  # one word is not two


def test_a_sound_that_goes_on_cuts_without_any_word():
    barge = sound()
    barge.tick(150)
    assert barge.tick(1499) is Verdict.NONE
    assert barge.tick(1500) is Verdict.CUT


def test_a_sea_of_backchannels_is_a_speech():
    assert sound().words("yeah yeah yeah yeah yeah yeah yeah", 900) is Verdict.CUT


def test_instant_cuts_at_the_onset():
    assert sound(sensitivity="instant").tick(0) is Verdict.CUT


def test_going_on_before_anything_was_heard_needs_no_threshold_but_a_word():
    barge = sound(heard_nothing=True)
    assert barge.tick(0) is Verdict.PAUSE
    assert barge.words("um", 100) is Verdict.NONE
    assert barge.words("um yes", 120) is Verdict.CUT


def test_a_final_in_the_middle_of_the_sound_is_not_its_end():
    barge = sound()
    barge.tick(150)
    assert barge.words("yeah", 300, final=True) is Verdict.NONE
    assert barge.words("yeah wait a second", 500) is Verdict.CUT


def test_the_last_word_stands():
    barge = sound()
    barge.words("no wait", 400)
    assert barge.words("", 900, final=True) is Verdict.CUT


def test_content_words():
    assert content_words("Oh, I see, okay") == []
    assert content_words("yeah the blue one") == ["the", "blue", "one"]
    assert only_fillers(" um, uh 嗯 ") and not only_fillers("yes")
