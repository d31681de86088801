"""The person makes a sound while the assistant speaks. What is heard is measured at the loudspeaker."""

import pytest
from simulation import Simulation
from stream_talk.turn.words import words_of

STORY = "Once upon a time there was a cat. It lived in a small house by the sea. Every day it went out to fish."


def telling(**properties) -> tuple[Simulation, float]:
    """A simulation in which the assistant begins its story; returns when its first sound comes."""
    sim = Simulation(**properties)
    sim.model.answer = lambda messages: STORY if len(messages) < 4 else "Fine."
    sim.says(500, "tell me a story please")
    sim.run(2500)
    return sim, sim.first_sound_after(0)


def story_heard(sim: Simulation) -> list[str]:
    return words_of(" ".join(sim.heard_words(generation=1)))


def assistant_entries(sim: Simulation) -> list[str]:
    return [text for role, text in sim.history() if role == "assistant"]


def controls(sim: Simulation) -> list[str]:
    return [b["action"] for _, n, b in sim.sent if n == "playout_control" and b["action"] != "release"]


def test_an_interruption_cuts_and_the_history_holds_exactly_what_was_heard():
    sim, start = telling()
    sim.says(start + 2100, "no wait I meant a dog")
    sim.run(12000)
    assert controls(sim)[:3] == ["duck", "pause", "cut"]
    heard = assistant_entries(sim)[0]
    assert words_of(heard) == story_heard(sim)
    assert 5 <= len(words_of(heard)) < len(words_of(STORY))
    entry = next(e for e in sim.conversation.history.entries if e.role == "assistant")
    assert entry.interrupted and entry.message(" —")["content"].endswith(" —")
    assert sim.model.asked[-1]["messages"][-2]["content"] == heard + " —"
    assert sim.model.asked[-1]["messages"][-1]["content"] == "no wait I meant a dog"
    announced = next(m for m in sim.of("heard") if m["interrupted"])
    assert words_of(announced["heard_text"] + " " + announced["unheard_text"])[:20] == words_of(STORY)[:20]
    assert announced["error_bound_ms"] <= 125


@pytest.mark.parametrize("offset_ms", range(300, 5000, 470))
def test_history_equals_the_loudspeaker_wherever_the_cut_falls(offset_ms):
    sim, start = telling()
    sim.says(start + offset_ms, "stop that please now")
    sim.run(15000)
    heard = words_of(" ".join(assistant_entries(sim)[:1]))
    audible = story_heard(sim)
    assert heard[: len(audible)] == audible[: len(heard)]
    assert abs(len(heard) - len(audible)) <= 1  # a word broken in half may count either way


def test_silence_comes_within_the_pause_delay():
    sim, start = telling()
    voice = start + 2000
    sim.says(voice, "hold on a moment please")
    sim.run(4400)
    assert sim.last_sound_ms() <= voice + 150 + 20 + 20  # pause_after_ms, one timer, one frame with its fade


def test_instant_sensitivity_cuts_at_the_onset():
    sim, start = telling(interruption="instant")
    voice = start + 2000
    sim.says(voice, "hold on")
    sim.run(voice + 2000)
    assert sim.last_sound_ms(generation=1) <= voice + sim.timing.vad_onset_ms + 20


@pytest.mark.parametrize("sound", ["mm-hmm", "yeah", "okay", "right", "嗯"])
def test_signs_of_listening_resume_at_a_word_boundary_and_leave_no_trace(sound):
    sim, start = telling()
    sim.says(start + 2100, sound)
    sim.run(15000)
    assert "cut" not in controls(sim)
    assert assistant_entries(sim) == [STORY]
    assert story_heard(sim) == words_of(STORY)
    assert [role for role, _ in sim.history()] == ["user", "assistant"]
    for _, name, body in sim.sent:
        if name == "playout_control" and body["action"] == "resume":
            assert body["from_ms"] % sim.timing.word_ms == 0


def test_a_cough_resumes_and_everything_is_heard():
    sim, start = telling()
    sim.coughs(start + 2100, 300)
    sim.run(15000)
    assert controls(sim) == ["duck", "pause", "resume"]
    assert story_heard(sim) == words_of(STORY)
    assert len(sim.model.asked) == 1


def test_a_very_short_noise_only_ducks():
    sim, start = telling()
    sim.timing.vad_hangover_ms = 20
    sim.coughs(start + 2100, 90)
    sim.run(15000)
    assert controls(sim) == ["duck", "unduck"]
    assert story_heard(sim) == words_of(STORY)


def test_a_cough_resumes_even_with_a_dead_recogniser():
    sim, start = telling()
    sim.dead_recogniser = True
    sim.coughs(start + 2100, 300)
    sim.run(15000)
    assert story_heard(sim) == words_of(STORY)


def test_a_long_voice_without_words_is_an_interruption():
    sim, start = telling()
    sim.timing.asr_partials = False
    sim.says(start + 1000, "this is quite a long thing that I want to say to you now")
    sim.run(20000)
    assert "cut" in controls(sim)
    assert sim.history()[-2] == ("user", "this is quite a long thing that I want to say to you now")


@pytest.mark.parametrize("word", ["stop", "be quiet", "停", "别说了"])
def test_a_spoken_stop_silences_and_asks_for_no_answer(word):
    sim, start = telling()
    sim.says(start + 2000, word)
    sim.run(12000)
    assert sim.last_sound_ms() < start + 2000 + 400
    assert len(sim.model.asked) == 1
    assert sim.history()[-1] == ("user", word)


def test_an_explicit_stop_silences_in_the_same_step():
    sim, start = telling()
    moment = start + 1234
    sim.at(moment, lambda: sim.client("stop"))
    sim.run(12000)
    assert sim.last_sound_ms() <= moment
    names = [n for t, n, _ in sim.sent if t == moment and n != "message"]
    assert names[:2] == ["playout_control", "tts_flush"]
    assert [n for t, n, _ in sim.commands if t == moment and n == "flush"]
    assert words_of(assistant_entries(sim)[0]) == story_heard(sim)


def test_stop_aborts_the_model_without_waiting_for_it():
    sim = Simulation()
    sim.timing.llm_token_ms = 200
    sim.model.answer = lambda messages: STORY
    sim.says(500, "tell me a story please")
    sim.at(3200, lambda: sim.client("stop"))
    sim.run(12000)
    assert sim.model.aborted == ["llm-1-0"]
    assert sim.last_sound_ms() <= 3200


def test_no_stale_byte_after_a_cut_even_when_the_voice_runs_on():
    sim, start = telling()
    sim.at(start + 1000, lambda: sim.client("stop"))
    # The synthesiser ignores the flush and goes on.
    sim.at(start + 1000, lambda: sim._dead_requests.clear())
    sim.run(12000)
    assert sim.last_sound_ms() <= start + 1000
    assert not any(g == 1 for t, g, _ in sim.audible if t > start + 1000)


def test_protected_speech_cannot_be_interrupted_but_the_words_are_answered_after_it():
    sim = Simulation(greeting="This call is recorded for your safety and ours.", protect_greeting=True)
    sim.at(100, sim.hello)
    sim.says(600, "what time is it")
    sim.run(12000)
    assert controls(sim) == []
    assert sim.heard_words()[:9] == "This call is recorded for your safety and ours.".split()
    assert ("user", "what time is it") in sim.history()
    assert sim.history()[-1] == ("assistant", "Fine.")


def test_explicit_stop_ends_even_protected_speech():
    sim = Simulation(greeting="This call is recorded for your safety and ours.", protect_greeting=True)
    sim.at(100, sim.hello)
    sim.at(700, lambda: sim.client("stop"))
    sim.run(5000)
    assert sim.last_sound_ms() <= 700


def test_interruption_off_keeps_the_floor_and_the_words():
    sim, start = telling(interruption="off")
    sim.says(start + 1000, "and what happened then")
    sim.run(20000)
    assert controls(sim) == []
    assert story_heard(sim) == words_of(STORY)
    assert ("user", "and what happened then") in sim.history()


def test_going_on_before_anything_was_heard_continues_the_turn():
    sim = Simulation(speculation="off")
    sim.timing.llm_first_ms = 900
    sim.model.answer = lambda messages: "Fine."
    end = sim.says(500, "book a table for two please")
    sim.says(end + 600, "at seven tomorrow")
    sim.run(12000)
    assert sim.history() == [("user", "book a table for two please at seven tomorrow"), ("assistant", "Fine.")]
    assert sim.heard_words() == ["Fine."]
    assert len({m["turn_id"] for m in sim.of("user_text")}) == 1


def test_a_cough_while_thinking_costs_a_moment_and_not_the_answer():
    sim = Simulation(speculation="off")
    sim.timing.llm_first_ms = 900
    end = sim.says(500, "what time is it")
    sim.coughs(end + 500, 250)
    sim.run(9000)
    assert sim.heard_words() == ["Fine."]
    assert len(sim.model.asked) == 1


def test_push_to_talk_counts_only_what_the_button_says():
    sim = Simulation(mode="push_to_talk")
    sim.says(500, "nobody pressed anything")
    sim.run(3000)
    assert sim.model.asked == []
    sim.at(4000, lambda: sim.client("push_to_talk", down=True))
    end = sim.says(4100, "what time is it", pauses={2: 1500})
    sim.at(end + 50, lambda: sim.client("push_to_talk", down=False))
    sim.run(12000)
    assert sim.history()[0] == ("user", "what time is it")
    assert len(sim.model.asked) == 1


def test_pressing_the_button_silences_the_assistant():
    sim, start = telling()
    sim.at(start + 500, lambda: sim.client("settings", mode="push_to_talk"))
    sim.at(start + 1000, lambda: sim.client("push_to_talk", down=True))
    sim.run(start + 3000)
    assert sim.last_sound_ms() <= start + 1000


def test_manual_mode_waits_for_the_commit():
    sim = Simulation(mode="manual")
    end = sim.says(500, "what time is it")
    sim.run(end + 6000)
    assert sim.model.asked == []
    sim.client("commit")
    sim.run(end + 9000)
    assert sim.history()[0] == ("user", "what time is it")
    assert sim.heard_words() == ["Fine."]


def test_commit_may_only_remember():
    sim = Simulation(mode="manual")
    sim.says(500, "what time is it")
    sim.at(3000, lambda: sim.client("commit", respond=False))
    sim.at(6000, lambda: sim.client("create_response", instructions="Be brief."))
    sim.run(5500)
    assert sim.model.asked == [] and sim.history() == [("user", "what time is it")]
    sim.run(9000)
    assert sim.model.asked[0]["messages"][-1] == {"role": "system", "content": "Be brief."}
    assert sim.heard_words() == ["Fine."]


def test_an_answer_asked_for_right_after_a_commit_answers_what_was_committed():
    """Programs send commit and create_response in one breath, while the recogniser still owes its last words."""
    sim = Simulation(mode="manual")
    end = sim.says(500, "what time is it")

    def commit_and_ask() -> None:
        sim.client("commit", respond=False)
        sim.client("create_response", instructions="Be brief.", request_id="mine")

    sim.at(end + 20, commit_and_ask)
    sim.run(end + 9000)
    assert sim.history()[0] == ("user", "what time is it")
    assert len(sim.model.asked) == 1
    assert [m["content"] for m in sim.model.asked[0]["messages"][-2:]] == ["what time is it", "Be brief."]
    assert {m["request_id"] for m in sim.of("assistant_text")} == {"mine"}
    assert sim.heard_words() == ["Fine."]


def test_a_silent_commit_is_answered_too_when_an_answer_was_asked_for():
    sim = Simulation(mode="manual")
    sim.at(500, lambda: sim.client("commit", respond=False))
    sim.at(500, lambda: sim.client("create_response"))
    sim.run(15_000)
    assert len(sim.model.asked) == 1


def test_a_stop_takes_back_the_answer_that_was_asked_for():
    sim = Simulation(mode="manual")
    end = sim.says(500, "what time is it")
    for what in (("commit", {"respond": False}), ("create_response", {}), ("cancel_response", {})):
        sim.at(end + 20, lambda what=what: sim.client(what[0], **what[1]))
    sim.run(end + 9000)
    assert sim.model.asked == []


def test_a_client_that_only_reads_is_not_spoken_to():
    sim = Simulation()
    sim.at(100, lambda: sim.client("settings", output="text"))
    sim.at(500, lambda: sim.client("text", text="hello"))
    sim.run(5000)
    assert sim.heard_words() == [] and sim.history()[-1] == ("assistant", "Fine.")


def test_mute_hears_nothing():
    sim = Simulation()
    sim.at(100, lambda: sim.client("mute", on=True))
    sim.says(500, "what time is it")
    sim.at(5000, lambda: sim.client("mute", on=False))
    sim.says(6000, "hello again")
    sim.run(12000)
    assert [text for role, text in sim.history() if role == "user"] == ["hello again"]


def test_truncate_by_the_client_cuts_the_history_at_that_sample():
    sim, start = telling()
    sim.at(start + 3000, lambda: sim.client("stop"))
    sim.run(start + 5000)
    sim.client("truncate", turn_id=1, audio_end_ms=1000)
    assert words_of(assistant_entries(sim)[0]) == words_of(STORY)[:4]


def test_what_is_stored_is_cut_by_a_late_truncate_too():
    sim = Simulation()
    sim.model.answer = lambda messages: STORY
    stored: list[dict] = []

    def memory(name, body):
        if name == "memory_append":
            stored.append(body)
        return 5.0, {}

    sim.memory = memory
    sim.says(500, "tell me a story please")
    sim.at(5000, lambda: sim.client("stop"))
    sim.run(7000)
    assert len(words_of(stored[-1]["entries"][-1]["heard_text"])) > 4
    sim.client("truncate", turn_id=1, audio_end_ms=1000)
    sim.run(8000)
    [entry] = stored[-1]["entries"]
    assert entry["role"] == "assistant" and entry["interrupted"]
    assert words_of(entry["heard_text"]) == words_of(STORY)[:4]


def test_typing_during_a_reply_interrupts_it():
    sim, start = telling()
    sim.at(start + 1000, lambda: sim.client("text", text="something else please"))
    sim.run(12000)
    assert sim.history()[-2:] == [("user", "something else please"), ("assistant", "Fine.")]
    assert words_of(assistant_entries(sim)[0]) == story_heard(sim)


def test_a_timer_speaks_when_the_floor_is_free_and_is_not_lost_when_someone_speaks():
    sim = Simulation()
    sim.says(1000, "what time is it")
    sim.at(1300, lambda: sim.client("say", text="Your tea is ready."))
    sim.run(12000)
    assert sim.heard_words() == ["Fine.", "Your", "tea", "is", "ready."]
