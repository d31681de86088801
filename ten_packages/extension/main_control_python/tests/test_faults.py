"""Engines that fail, stall or never stop: the person hears a short apology or sees a notice, and the session lives."""

import pytest
from simulation import Simulation, Timing

FAIL = {"type": "fails"}


def next_turn_works(sim: Simulation, at_ms: float) -> None:
    sim.model.answer = lambda messages: "Fine again."
    sim.says(at_ms, "and now please")
    sim.run(at_ms + 9000)
    assert sim.history()[-1] == ("assistant", "Fine again.")


@pytest.mark.parametrize(("language", "words"), [("en-US", "Sorry,"), ("zh-CN", "抱")])
def test_a_failing_model_apologises_in_the_language(language, words):
    sim = Simulation(language=language)
    sim.model.answer = lambda messages: [FAIL]
    sim.says(500, "what time is it")
    sim.run(12000)
    assert sim.heard_words()[0].startswith(words)
    assert sim.of("notice")[0]["code"] == "llm_failed"
    next_turn_works(sim, 13000)


def test_a_model_that_breaks_off_says_so():
    sim = Simulation()
    sim.model.answer = lambda messages: ["The answer is", FAIL]
    sim.says(500, "what time is it")
    sim.run(9000)
    assert sim.history()[-1][1] == "The answer is Sorry, I lost my thread."
    next_turn_works(sim, 12000)


def test_a_model_that_never_answers_is_given_up():
    sim = Simulation(llm_timeout_ms=3000)
    sim.model.answer = lambda messages: None
    sim.says(500, "what time is it")
    sim.run(14000)
    assert sim.model.aborted
    assert sim.heard_words()[0] == "Sorry,"
    next_turn_works(sim, 15000)


def test_a_reply_that_never_ends_is_bounded():
    sim = Simulation(max_reply_chars=500)
    sim.timing.llm_token_ms = 1
    sim.model.answer = lambda messages: "and so it goes on and on. " * 400
    sim.says(500, "what time is it")
    sim.run(70000)
    assert sim.model.aborted
    assert sim.of("notice")[0]["code"] == "reply_too_long"
    assert 500 <= len(sim.history()[-1][1]) <= 620
    next_turn_works(sim, 75000)


def test_text_is_not_synthesised_far_ahead_of_the_ear():
    sim = Simulation(speech_ahead_ms=5000, max_reply_chars=4000)
    sim.timing.llm_token_ms = 1
    sim.model.answer = lambda messages: "This is one more sentence of it. " * 100
    sim.says(500, "what time is it")
    for second in range(3, 40):
        sim.run(second * 1000)
        assert sim.playout.buffered_ms <= 5000 + 2000


def test_a_dead_voice_shows_the_text_and_frees_the_floor():
    sim = Simulation(tts_timeout_ms=2000)
    sim.dead_voice = True
    sim.says(500, "what time is it")
    sim.run(8000)
    assert sim.of("notice")[0]["code"] == "tts_stalled"
    assert sim.states()[-1] == "listening"
    assert sim.history() == [("user", "what time is it")]
    sim.dead_voice = False
    next_turn_works(sim, 9000)


def test_a_voice_that_reports_an_error_ends_the_reply():
    sim = Simulation()
    sim.dead_voice = True
    sim.says(500, "what time is it")
    end = {"request_id": "reply-1", "reason": 3, "request_total_audio_duration_ms": 0}
    sim.at(3000, lambda: sim.inputs.data["tts_audio_end"](sim.now, end))
    sim.run(4000)
    assert sim.of("notice")[0]["code"] == "tts_failed"
    assert sim.states()[-1] == "listening"


def test_a_dead_recogniser_never_stalls_the_turn():
    sim = Simulation(asr_timeout_ms=700)
    end = sim.says(500, "what time is it")
    sim.at(end - 100, lambda: setattr(sim, "dead_recogniser", True))
    sim.run(8000)
    assert sim.history()[0][0] == "user"
    sim.says(9000, "nobody hears this")
    sim.run(17000)
    assert sim.states()[-1] == "listening"
    assert len([1 for role, _ in sim.history() if role == "user"]) == 1


def test_a_recogniser_that_is_late_with_everything_is_still_heard():
    sim = Simulation(Timing(asr_partials=False, asr_final_ms=3_000.0))
    sim.says(500, "what time is it")
    sim.run(9000)
    assert sim.history()[0] == ("user", "what time is it")
    assert sim.heard_words() == ["Fine."]


def test_an_error_reaches_the_analytics_with_the_next_stored_turn_and_once():
    sim = Simulation()
    stored: list[dict] = []

    def memory(name, body):
        if name == "memory_append":
            stored.append(body)
        return 10.0, {}

    sim.memory = memory
    error = {"id": "", "module": "tts", "code": 1000, "message": "gone", "vendor_info": {}, "metadata": {}}
    sim.at(100, lambda: sim.inputs.data["error"](sim.now, error))
    sim.says(500, "what time is it")
    sim.says(9000, "and what else please")
    sim.run(18000)
    failures = [[e["payload"] for e in turn["events"] if e["type"] == "analytics.error"] for turn in stored]
    assert failures == [[{"module": "tts", "message": "gone"}], []]


def test_an_error_of_the_recogniser_is_told():
    sim = Simulation()
    sim.dead_recogniser = True
    end = sim.says(500, "what time is it")
    error = {"id": "", "module": "asr", "code": 1000, "message": "gone", "vendor_info": {}, "metadata": {}}
    sim.at(end + 300, lambda: sim.inputs.data["error"](sim.now, error))
    sim.run(8000)
    assert " ".join(sim.heard_words()) == "Sorry, I could not hear that."
    assert sim.of("error")[0]["message"] == "gone"


def test_a_dead_turn_detection_changes_nothing():
    sim = Simulation()
    decision = {"state": "finished", "probability": 0.99, "source": "words", "text": "what time", "silence_ms": 0}
    sim.at(1000, lambda: sim.inputs.data["turn_decision"](sim.now, decision))
    end = sim.says(500, "I would like to hear a story please")
    sim.run(8000)
    assert sim.first_sound_after(0) > end


def test_wait_means_leave_me_alone():
    sim = Simulation()
    end = sim.says(500, "hold on a minute")
    decision = {"state": "wait", "probability": 0.9, "source": "model", "text": "hold on a minute", "silence_ms": 200}
    sim.at(end + 180, lambda: sim.inputs.data["turn_decision"](sim.now, decision))
    sim.run(6000)
    assert sim.heard_words() == []
    assert sim.history() == [("user", "hold on a minute")]
    assert sim.states()[-1] == "listening"


def test_an_unspeakable_reply_is_shown_and_the_floor_is_free():
    sim = Simulation()
    sim.model.answer = lambda messages: "*** --- ***"
    sim.says(500, "what time is it")
    sim.run(6000)
    assert sim.heard_words() == []
    assert sim.of("assistant_text")[-1]["text"] == "*** --- ***"
    assert sim.states()[-1] == "listening"
    next_turn_works(sim, 7000)


def test_an_empty_reply_frees_the_floor():
    sim = Simulation()
    sim.model.answer = lambda messages: ""
    sim.says(500, "what time is it")
    sim.run(6000)
    assert sim.states()[-1] == "listening"
    next_turn_works(sim, 7000)


def test_a_monologue_of_half_an_hour_is_heard_to_its_end():
    sim = Simulation(max_turn_chars=2000)
    words = 30 * 60 * 4
    text = " ".join(f"word{i % 97}" for i in range(words))
    end = sim.says(500, text)
    sim.run(end + 9000)
    user = sim.history()[0][1]
    assert len(user) <= 2000 and user.endswith("word" + str((words - 1) % 97))
    finalizes = [n for _, n, _ in sim.sent if n == "asr_finalize"]
    assert 65 <= len(finalizes) <= 80
    assert sim.heard_words() == ["Fine."]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "nonsense"},
        {"type": "text"},
        {"type": "truncate", "turn_id": "x"},
        {"type": "settings", "rate": 99},
        {"type": "settings", "mode": "telepathy"},
        {"type": "mute"},
        {},
    ],
)
def test_malformed_client_events_are_refused_with_a_notice(event):
    sim = Simulation()
    kind = event.pop("type", "")
    sim.at(100, lambda: sim.client(kind, **event))
    sim.run(200)
    assert sim.of("notice")[0]["code"] == "bad_client_event"
    next_turn_works(sim, 1000)


def test_settings_are_live():
    sim = Simulation()
    settings = {"voice": "en-gb", "rate": 1.5, "patience": 0.0, "interruption": "off", "lang": "en-GB"}
    sim.at(100, lambda: sim.client("settings", **settings))
    end = sim.says(500, "the weather in paris tomorrow")
    sim.run(8000)
    spoken = next(b for _, n, b in sim.sent if n == "tts_text_input")
    assert (spoken["voice"], spoken["rate"]) == ("en-gb", 1.5)
    assert sim.first_sound_after(end) - end < 350


def test_clear_forgets():
    sim = Simulation()
    sim.says(500, "what time is it")
    sim.at(5000, lambda: sim.client("clear"))
    sim.run(6000)
    assert sim.history() == []
