"""The endpoint: finished fast, unfinished patiently, never a cliff, never beyond 1.2 s."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.turn.completeness import finished_probability
from stream_talk.turn.endpoint import LIMIT_MS, Caution, EndpointSettings, Opinion, wait_ms

unit = st.floats(0.0, 1.0)
DEFAULT = EndpointSettings()

FINISHED = [
    "what time is it",
    "can you tell me a story",
    "What is the weather like today?",
    "yes",
    "turn it off please",
    "yes I do",
    "现在几点了",
    "你叫什么名字？",
    "今天天气怎么样",
    "谢谢",
]
UNFINISHED = [
    "I would like to",
    "can you tell me the",
    "well um",
    "my name is",
    "I was thinking because",
    "first of all,",
    "so I think that...",
    "我想",
    "因为",
    "我觉得这个",
    "如果明天下雨的话",
]


@pytest.mark.parametrize("text", FINISHED)
def test_a_finished_phrase_is_answered_after_about_200_ms(text):
    assert 180 <= wait_ms(finished_probability(text), DEFAULT) <= 300


@pytest.mark.parametrize("text", UNFINISHED)
def test_a_pause_of_a_second_after_an_unfinished_phrase_is_waited_for(text):
    assert 1000 < wait_ms(finished_probability(text), DEFAULT) <= LIMIT_MS


@given(unit, unit, st.floats(0, 20000), st.floats(1.0, 2.0), st.floats(0, 5000), st.floats(0, 5000))
def test_no_configuration_holds_anyone_beyond_the_limit(finished, patience, need, caution, floor, ceiling):
    settings = EndpointSettings(floor, ceiling, patience)
    assert 0.0 <= wait_ms(finished, settings, pipeline_need_ms=need, caution=caution) <= LIMIT_MS


@given(unit, unit)
def test_the_wait_falls_with_certainty_and_rises_with_patience_without_a_cliff(finished, patience):
    settings = EndpointSettings(patience=patience)
    here = wait_ms(finished, settings)
    assert wait_ms(min(1.0, finished + 0.01), settings) <= here
    assert here - wait_ms(min(1.0, finished + 0.01), settings) < 25.0
    more_patient = EndpointSettings(patience=min(1.0, patience + 0.01))
    assert 0.0 <= wait_ms(finished, more_patient) - here < 25.0


def test_a_running_draft_is_waited_for_but_not_beyond_the_ceiling():
    assert wait_ms(1.0, DEFAULT, pipeline_need_ms=450) == 450
    assert wait_ms(1.0, DEFAULT, pipeline_need_ms=9000) == DEFAULT.ceiling_ms


def test_zero_settings_leave_the_decision_to_the_vad():
    assert wait_ms(0.0, EndpointSettings(0.0, 0.0)) == 0.0


def test_caution_grows_with_cut_ins_and_fades():
    caution = Caution()
    for _ in range(20):
        caution.cut_off()
    assert caution.factor == 1.6
    for _ in range(100):
        caution.went_well()
    assert caution.factor == 1.0


def test_the_detector_counts_only_for_the_words_it_judged():
    opinion = Opinion()
    assert not opinion.about(("a",))
    opinion.detector, opinion.detector_words = 0.9, ("a",)
    assert opinion.about(("a",))
    assert opinion.about(("b", "a"))  # it judges the newest segment of a turn
    assert not opinion.about(("a", "b"))


@given(st.text(max_size=80))
def test_any_text_has_a_probability(text):
    assert 0.0 <= finished_probability(text) <= 1.0
