"""Several things at once: what neither a test of speculation nor one of interruption alone would show."""

import random

import pytest
from simulation import Simulation
from stream_talk.turn.backchannel import content_words
from stream_talk.turn.policy import Floor
from stream_talk.turn.words import words_of

STORY = "Once upon a time there was a cat. It lived in a small house by the sea. Every day it went out to fish."
CALL = {"type": "tool_call_content", "tool_call_id": "c1", "name": "set_timer", "arguments": {"seconds": 60}}


def answering(text: str = STORY, **properties) -> Simulation:
    sim = Simulation(**properties)
    sim.model.answer = lambda messages: text if len(messages) < 4 else "Fine."
    return sim


def controls(sim: Simulation) -> list[str]:
    return [b["action"] for _, n, b in sim.sent if n == "playout_control" and b["action"] != "release"]


def with_tool(delay_ms: float, **properties) -> Simulation:
    sim = Simulation(**properties)
    sim.inputs.cmds["tool_register"](0.0, {"tool": {"name": "set_timer", "parameters": []}, "source": "timer"})
    sim.tool = lambda call: (delay_ms, {"type": "llmresult", "content": "set"})
    sim.model.answer = lambda messages: (
        "Done, it is set."
        if messages[-1].get("role") == "tool"
        else ["One moment. ", CALL]
        if len(messages) < 3
        else "Ok."
    )
    return sim


# --- the person goes on -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause_ms", range(260, 520, 40))
def test_two_halves_of_a_sentence_are_joined_when_the_answer_came_between(pause_ms):
    """The endpoint is at about 200 ms: the second half begins up to 300 ms after it, when the answer is just audible."""
    sim = Simulation()
    sim.model.answer = lambda messages: "Well, the weather will be fine."
    end = sim.says(500, "what is the weather tomorrow")
    sim.says(end + pause_ms, "in the south of france")
    sim.run(12000)
    users = [text for role, text in sim.history() if role == "user"]
    assert users == ["what is the weather tomorrow in the south of france"]
    assert sim.model.asked[-1]["messages"][-1]["content"] == users[0]
    assert sim.history()[-1] == ("assistant", "Well, the weather will be fine.")
    assert {m["turn_id"] for m in sim.of("user_text")} == {1}
    assert len({m["generation"] for m in sim.of("heard")}) == len(sim.of("heard"))
    assert len(sim.of("turn")) == 1
    fragments = [words_of(text) for role, text in sim.history()[:-2] if role == "assistant"]
    assert fragments in ([], [["well"]]), "what was heard of the first answer stays, and no more"


def test_someone_who_was_answered_too_early_gets_more_time():
    sim = Simulation()
    end = sim.says(500, "what is the weather tomorrow")
    sim.says(end + 380, "in the south of france")
    sim.run(12000)
    assert sim.conversation.listening.caution.factor > 1.0


def test_an_interruption_that_could_be_a_reaction_is_a_turn_of_its_own():
    sim = answering()
    end = sim.says(500, "tell me a story please")
    sim.run(end + 400)
    start = sim.first_sound_after(0)
    sim.says(start + 500, "no I meant a joke")
    sim.run(15000)
    assert [text for role, text in sim.history() if role == "user"] == ["tell me a story please", "no I meant a joke"]


def test_a_requested_answer_that_is_interrupted_unheard_takes_no_turn_away():
    sim = answering()
    sim.says(500, "tell me a story please")
    sim.run(12000)
    sim.timing.llm_first_ms = 1500
    sim.client("create_response")
    sim.says(12300, "what time is it")
    sim.run(20000)
    assert [t for r, t in sim.history() if r == "user"] == ["tell me a story please", "what time is it"]


# --- silence ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["stop", "never mind", "停", "算了"])
def test_a_spoken_stop_before_the_answer_sounds_takes_the_question_back(word):
    sim = answering()
    sim.timing.llm_first_ms = 2000
    end = sim.says(500, "tell me a story please")
    sim.says(end + 700, word)
    sim.run(12000)
    assert sim.audible == []
    assert (
        " ".join(text for _, text in sim.history()).replace("please算", "please 算") == f"tell me a story please {word}"
    )


def test_a_spoken_stop_also_silences_what_was_waiting_to_be_said():
    sim = answering()
    sim.hello()
    sim.timing.tts_first_ms = 800
    sim.at(100, lambda: sim.client("say", text="Your timer is over."))
    sim.at(120, lambda: sim.client("say", text="And another one."))
    sim.says(200, "stop")
    sim.run(12000)
    assert sim.audible == []


def test_a_greeting_is_not_caught_up_on():
    sim = answering("Fine.", greeting="Hello, I am listening.")
    sim.timing.tts_first_ms = 800
    sim.hello()
    sim.says(200, "what time is it")
    sim.run(12000)
    assert sim.history() == [("user", "what time is it"), ("assistant", "Fine.")]


def test_a_stop_during_a_tool_call_keeps_its_result_and_says_nothing():
    sim = with_tool(4000)
    sim.says(500, "set a timer please")
    sim.says(3000, "stop")
    sim.run(12000)
    assert "tool" in [e.role for e in sim.conversation.history.entries]
    assert sim.heard_words() == ["One", "moment."]
    assert sim.history()[-1] == ("user", "stop")


# --- sounds upon sounds -------------------------------------------------------------------------------------------------


def test_a_second_cough_while_the_reply_resumes():
    sim = answering()
    sim.says(500, "tell me a story please")
    sim.run(2500)
    start = sim.first_sound_after(0)
    sim.coughs(start + 1500, 300)
    sim.run(start + 2100)
    resumed = next(t for t, n, b in sim.sent if n == "playout_control" and b["action"] == "resume")
    sim.coughs(resumed + 40, 300)
    sim.run(16000)
    assert controls(sim).count("resume") == 2 and "cut" not in controls(sim)
    assert words_of(" ".join(sim.heard_words(1))) == words_of(STORY)
    assert sim.history()[-1] == ("assistant", STORY)


def test_an_interruption_right_after_a_cough_cuts_where_it_was_heard():
    sim = answering()
    sim.says(500, "tell me a story please")
    sim.run(2500)
    start = sim.first_sound_after(0)
    sim.coughs(start + 1500, 300)
    sim.says(start + 2600, "no wait tell me a joke")
    sim.run(16000)
    heard = words_of(next(text for role, text in sim.history() if role == "assistant"))
    assert heard == words_of(STORY)[: len(heard)] and 4 <= len(heard) < len(words_of(STORY))
    audible = words_of(" ".join(sim.heard_words(1)))
    assert audible[-1] == heard[-1]
    assert sim.history()[-2] == ("user", "no wait tell me a joke")


def test_a_short_no_belongs_to_the_sentence_that_follows_it():
    """ "No." is too short to cut by itself; what comes in the same breath does, and begins with it."""
    sim = answering()
    sim.timing.word_ms = 200
    sim.says(500, "tell me a story please")
    sim.run(2500)
    start = sim.first_sound_after(0)
    sim.timing.vad_hangover_ms = 60
    sim.says(start + 2100, "no that is not right", pauses={1: 420})
    sim.run(16000)
    assert controls(sim).count("resume") == 1
    assert sim.history()[-2] == ("user", "no that is not right")


def test_an_interruption_of_a_draft_that_was_just_committed():
    sim = answering(text="First of all, it is sunny. And then it rains.")
    sim.timing.llm_first_ms = 20
    end = sim.says(500, "the weather in paris tomorrow")
    sim.run(end + 420)
    assert sim.of("speculation") == [] and sim.first_sound_after(0) < end + 420, "the draft was meant to sound by now"
    sim.says(end + 1100, "no wait what about london")
    sim.run(14000)
    assert [role for role, _ in sim.history()] == ["user", "assistant", "user", "assistant"]
    heard = words_of(sim.history()[1][1])
    assert heard == words_of(" ".join(sim.heard_words(sim.audible[0][1])))[: len(heard)]
    assert sim.of("speculation")[-1]["hits"] >= 1


# --- faults in between --------------------------------------------------------------------------------------------------


def test_a_tool_that_answers_during_a_cough_is_talked_about_once():
    sim = with_tool(1200)
    sim.says(500, "set a timer please")
    sim.run(2300)
    called = next(t for t, n, _ in sim.commands if n == "tool_call")
    sim.coughs(called + 1000, 400)
    sim.run(14000)
    assert sim.heard_words()[-4:] == ["Done,", "it", "is", "set."]
    assert (
        len(sim.tool_calls) == 1 and len([m for m in sim.model.asked if m["messages"][-1].get("role") == "tool"]) == 1
    )


def test_a_model_that_fails_during_a_cough_apologises_after_it():
    sim = Simulation()
    sim.timing.llm_first_ms = 900
    sim.model.answer = lambda messages: [{"type": "fails"}]
    end = sim.says(500, "tell me a story please")
    sim.coughs(end + 700, 400)
    sim.run(14000)
    assert sim.heard_words()[:1] == ["Sorry,"]
    assert sim.conversation.floor is Floor.LISTENING


def test_mute_in_the_middle_of_a_sound_lets_the_reply_go_on():
    sim = answering()
    sim.says(500, "tell me a story please")
    sim.run(2500)
    start = sim.first_sound_after(0)
    sim.says(start + 2100, "well I do not know about that")
    sim.at(start + 2100 + 240, lambda: sim.client("mute", on=True))
    sim.run(16000)
    assert sim.history()[-1] == ("assistant", STORY)
    assert words_of(" ".join(sim.heard_words(1))) == words_of(STORY)


# --- buttons ------------------------------------------------------------------------------------------------------------


def test_a_commit_during_a_reply_does_not_wake_an_announcement():
    sim = answering()
    sim.hello()
    sim.says(500, "tell me a story please")
    sim.run(2500)
    sim.client("say", text="Your timer is over.")
    sim.client("commit")
    sim.run(12000)
    assert sim.conversation.floor is Floor.LISTENING
    assert sim.history()[-1] == ("assistant", "Your timer is over.")


def test_a_commit_while_a_sound_is_weighed_keeps_the_words():
    sim = answering(interruption="careful")
    sim.says(500, "tell me a story please")
    sim.run(2600)
    start = sim.first_sound_after(0)
    end = sim.says(start + 1500, "louder")
    sim.at(end + 100, lambda: sim.client("commit"))
    sim.run(14000)
    assert sim.history()[-2] == ("user", "louder")


def test_a_message_typed_with_the_button_down_does_not_hold_the_floor():
    sim = answering(mode="push_to_talk")
    sim.at(500, lambda: sim.client("push_to_talk", down=True))
    sim.at(900, lambda: sim.client("text", text="what time is it"))
    sim.at(1300, lambda: sim.client("push_to_talk", down=False))
    sim.run(12000)
    assert sim.conversation.floor is Floor.LISTENING
    assert sim.history() == [("user", "what time is it"), ("assistant", STORY)]


# --- anything at all ----------------------------------------------------------------------------------------------------

_UTTERANCES = (
    "tell me a story please|what time is it|and then|I would like to|no wait I meant a dog|mm-hmm|yeah okay|stop|um|hold on|"
    "you know the thing is that|嗯|今天天气怎么样"
).split("|")
_ANSWERS = [
    STORY,
    "Fine.",
    "",
    ["One. ", CALL],
    [CALL],
    ["Half and", {"type": "fails"}],
    "🙂",
    None,
    "Yes. No. Maybe so.",
]
_EVENTS: list[tuple[str, dict]] = [
    ("stop", {}),
    ("text", {"text": "typed question"}),
    ("mute", {"on": True}),
    ("mute", {"on": False}),
    ("commit", {}),
    ("say", {"text": "Your timer is over."}),
    ("say", {"text": "Important message.", "protected": True}),
    ("push_to_talk", {"down": True}),
    ("push_to_talk", {"down": False}),
    ("create_response", {}),
    ("discard_input", {}),
]


def _some_conversation(seed: int) -> tuple[Simulation, float, list[str], list[tuple[float, str]]]:
    """A simulation with a random person in it; what they said in words, and the events between."""
    chance = random.Random(seed)
    sim = Simulation(
        speculation=chance.choice(["speech", "speech", "text", "off"]),
        interruption=chance.choice(["normal", "normal", "instant", "off"]),
        mode=chance.choice(["auto", "auto", "auto", "manual", "push_to_talk"]),
        greeting=chance.choice(["", "Hello there."]),
        idle_prompt="Still there?",
        idle_prompt_ms=chance.choice([0, 5000]),
    )
    sim.inputs.cmds["tool_register"](0.0, {"tool": {"name": "set_timer", "parameters": []}, "source": "timer"})
    sim.tool = lambda call: (chance.choice([50, 800, 4000]), {"type": "llmresult", "content": "set"})
    sim.model.answer = lambda messages: (
        "Done, it is set." if messages[-1].get("role") == "tool" else chance.choice(_ANSWERS)
    )
    sim.timing.llm_first_ms, sim.timing.tts_first_ms = chance.choice([0, 80, 400, 1500]), chance.choice([0, 40, 300])
    sim.timing.asr_final_ms, sim.timing.vad_hangover_ms = chance.choice([0, 40, 300]), chance.choice([20, 160, 300])
    sim.hello()
    time, said, events = 300.0, [], []
    for _ in range(chance.randint(2, 9)):
        time += sim.timing.vad_hangover_ms + 60 + chance.choice([0, 60, 250, 900, 2500, 6000])
        kind = chance.random()
        if kind < 0.6:
            said.append(chance.choice(_UTTERANCES))
            time = sim.says(time, said[-1])
        elif kind < 0.72:
            length = chance.choice([60, 200, 500, 2000])
            sim.coughs(time, length)
            time += length
        else:
            name, fields = chance.choice(_EVENTS)
            events.append((time, name))
            sim.at(time, lambda name=name, fields=fields: sim.client(name, **fields))
    sim.at(time + 1500, lambda: sim.client("mute", on=False))
    sim.at(time + 1500, lambda: sim.client("push_to_talk", down=False))
    if sim.conversation.config.mode != "auto":
        sim.at(time + 1600, lambda: sim.client("commit"))
    return sim, time, said, events


@pytest.mark.parametrize("first_seed", range(0, 240, 40))
def test_whatever_happens_the_floor_becomes_free_and_nothing_is_left(first_seed):
    for seed in range(first_seed, first_seed + 40):
        sim, time, said, events = _some_conversation(seed)
        sim.run(time + 45_000)
        conversation = sim.conversation
        assert conversation.floor is Floor.LISTENING, seed
        assert conversation.reply is None and conversation.drafting.draft is None, seed
        for stopped_ms in (at for at, name in events if name == "stop"):
            before = max((g for at, g, _ in sim.audible if at <= stopped_ms), default=0)
            late = [at for at, g, pcm in sim.audible if at > stopped_ms and g <= before and pcm.any()]
            assert not late, seed
        if not events and conversation.config.mode == "auto":
            wanted = [word for text in said if content_words(text) for word in words_of(text)]
            got = iter(words_of(" ".join(text for role, text in sim.history() if role == "user")))
            assert all(word in got for word in wanted), (seed, wanted)
