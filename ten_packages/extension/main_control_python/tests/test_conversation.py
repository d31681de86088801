"""An ordinary conversation in simulated time: endpoint, streaming, history, captions, traces."""

import pytest
from simulation import Simulation, Timing

STORY = "Once upon a time there was a cat. It lived in a small house by the sea. Every day it went out to fish."


def talk(sim: Simulation, text: str = "what time is it", at_ms: float = 1000.0) -> float:
    return sim.says(at_ms, text)


def test_a_question_is_answered_and_both_sides_are_remembered():
    sim = Simulation()
    sim.model.answer = lambda messages: "It is noon."
    talk(sim)
    sim.run(6000)
    assert sim.history() == [("user", "what time is it"), ("assistant", "It is noon.")]
    assert sim.heard_words() == ["It", "is", "noon."]
    assert sim.states() == ["hearing", "thinking", "speaking", "listening"]
    assert sim.of("heard")[-1]["interrupted"] is False


def test_a_finished_question_is_answered_after_about_200_ms_of_silence():
    sim = Simulation(Timing(llm_first_ms=0, tts_first_ms=0, llm_token_ms=0))
    end = talk(sim)
    sim.run(6000)
    assert 180 <= sim.first_sound_after(end) - end <= 280


@pytest.mark.parametrize("pause_ms", [300, 600, 1000])
def test_a_pause_within_an_unfinished_sentence_does_not_end_the_turn(pause_ms):
    sim = Simulation()
    sim.says(1000, "I would like to hear a story", pauses={4: pause_ms})
    sim.run(9000)
    assert sim.history()[0] == ("user", "I would like to hear a story")
    assert len([m for m in sim.of("user_text") if m["final"]]) == 1


def test_an_unfinished_turn_is_taken_up_within_the_limit():
    sim = Simulation(Timing(llm_first_ms=0, tts_first_ms=0, llm_token_ms=0))
    end = talk(sim, "I would like to")
    sim.run(6000)
    assert 1000 < sim.first_sound_after(end) - end <= 1200 + 40


def test_partials_are_shown_while_the_person_speaks():
    sim = Simulation()
    end = talk(sim, "please tell me a story now")
    sim.run(6000)
    partials = [m for m in sim.of("user_text") if not m["final"]]
    assert len(partials) >= 4 and partials[0]["ts_ms"] < end
    assert [len(m["text"]) for m in partials] == sorted(len(m["text"]) for m in partials)


def test_the_first_clause_is_spoken_before_the_model_has_finished_the_second():
    sim = Simulation(Timing(llm_token_ms=100), speculation="off")
    sim.model.answer = lambda messages: STORY
    talk(sim)
    sim.run(20000)
    started = next(t for t, n, _ in sim.sent if n == "tts_text_input")
    second_complete = [t for t, text in sim.inputs_to_voice()][1]
    assert sim.first_sound_after(0) < second_complete
    assert started < second_complete - 400
    requests = {b["request_id"] for _, n, b in sim.sent if n == "tts_text_input"}
    assert len(requests) == 1


def test_captions_of_the_assistant_grow_and_end():
    sim = Simulation()
    sim.model.answer = lambda messages: STORY
    talk(sim)
    sim.run(25000)
    captions = sim.of("assistant_text")
    assert "".join(m["delta"] for m in captions) == STORY
    assert captions[-1]["final"] and captions[-1]["text"] == STORY
    assert not any(m["final"] for m in captions[:-1])


def test_the_trace_of_a_turn_tells_where_the_time_went():
    sim = Simulation(speculation="off")
    end = talk(sim)
    sim.run(6000)
    trace = sim.of("turn")[-1]["trace"]
    spans = {s["name"]: s for s in trace["spans"]}
    assert list(spans) == [
        "voice_end",
        "endpoint",
        "last_words",
        "first_token",
        "llm",
        "first_audio",
        "playout",
    ] or set(spans) == {"voice_end", "endpoint", "last_words", "first_token", "llm", "first_audio", "playout"}
    assert trace["ttfa_ms"] == pytest.approx(sim.first_sound_after(end) - end, abs=1)
    assert spans["voice_end"]["end_ms"] == pytest.approx(160)
    assert spans["first_token"]["end_ms"] - spans["first_token"]["start_ms"] == pytest.approx(80)
    assert trace["epoch_ms"] == pytest.approx(1_000_000 + end, abs=1)
    assert trace["media_ms"] == pytest.approx(end)


def test_typed_text_is_answered_and_remembered_like_speech():
    sim = Simulation()
    sim.at(500, lambda: sim.client("text", text="hello there"))
    sim.run(5000)
    assert sim.history() == [("user", "hello there"), ("assistant", "Fine.")]
    assert sim.of("user_text")[-1]["source"] == "typed"


def test_greeting_is_spoken_once():
    sim = Simulation(greeting="Hello, I am listening.")
    sim.at(100, sim.hello)
    sim.at(8000, sim.hello)
    sim.run(15000)
    assert sim.heard_words() == ["Hello,", "I", "am", "listening."]
    assert sim.history() == [("assistant", "Hello, I am listening.")]


def test_idle_prompt_comes_once_per_silence():
    sim = Simulation(idle_prompt="Are you still there?", idle_prompt_ms=5000)
    sim.at(0, sim.hello)
    sim.run(30000)
    assert sim.heard_words() == ["Are", "you", "still", "there?"]


def test_nothing_said_asks_nothing():
    sim = Simulation()
    sim.coughs(1000)
    sim.run(5000)
    assert sim.model.asked == [] and sim.history() == []
    assert sim.states() == ["hearing", "listening"]


def test_a_lonely_um_is_not_a_turn():
    sim = Simulation()
    talk(sim, "um")
    sim.run(5000)
    assert sim.model.asked == []


def test_history_is_kept_within_the_token_budget():
    sim = Simulation(history_max_tokens=100)
    sim.model.answer = lambda messages: "That is a fine question which I like to answer."
    for turn in range(12):
        talk(sim, f"question number {turn} please", 1000 + turn * 6000)
    sim.run(80000)
    messages = sim.model.asked[-1]["messages"]
    assert len(messages) < 12
    assert messages[-1]["content"] == "question number 11 please"


def test_a_restored_history_is_what_the_model_sees():
    sim = Simulation()
    earlier = [{"role": "user", "content": "my name is Ann"}, {"role": "assistant", "content": "Hello Ann."}]
    sim.at(10, lambda: sim.client("history", messages=earlier))
    talk(sim)
    sim.run(5000)
    assert sim.model.asked[0]["messages"][1:3] == earlier


def test_without_a_detector_the_recogniser_marks_the_turn():
    sim = Simulation()
    sim.at(1000, lambda: sim._asr_result("what time", final=False))
    sim.at(1500, lambda: sim._asr_result("what time is it", final=True))
    sim.run(6000)
    assert sim.history()[0] == ("user", "what time is it")
    assert sim.heard_words() == ["Fine."]


def test_without_playout_reports_real_time_is_assumed():
    sim = Simulation()
    sim.reports_playout = False
    talk(sim)
    talk(sim, "and now again please", 8000)
    sim.run(16000)
    assert [role for role, _ in sim.history()] == ["user", "assistant", "user", "assistant"]


def test_chinese_is_heard_and_answered():
    sim = Simulation(language="zh-CN")
    sim.model.answer = lambda messages: "现在是中午十二点。"
    sim.says(1000, "现在几点了")
    sim.run(9000)
    assert sim.history() == [("user", "现在几点了"), ("assistant", "现在是中午十二点。")]
