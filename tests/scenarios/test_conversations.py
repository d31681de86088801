"""Whole graphs, real stages' bases, coded speech: what is checked is what came out of the loudspeaker, word by word."""

import pytest
from stream_talk.testing.client_host import Session, run_sessions
from stream_talk.testing.coded_speech import WordCode
from stream_talk.testing.stages import test_graph as stage_graph
from stream_talk.testing.synthetic_user import Act, SyntheticUser
from stream_talk.turn.words import words_of

STORY = "Once upon a time there was a little cat. It lived in the big house by the sea. Every day it went out to fish."
QUESTION = "what time is it"
SPOKEN = [
    QUESTION,
    "tell me a story please",
    "no wait I meant something else",
    "mm-hmm",
    "stop",
    "I would like to hear more",
    "and now again please",
    "set a timer please",
    "Sorry, I could not think of an answer just now. Please try again.",
    "Your 3 second timer is up.",
]
REPLIES = [STORY]


def code(*texts: str) -> WordCode:
    return WordCode([*SPOKEN, *texts])


def talk(replies: list, acts: list[Act], **kwargs) -> Session:
    graph = stage_graph(SPOKEN, replies, **kwargs)
    (session,) = run_sessions(graph, [SyntheticUser(acts)])
    return session


def says(words: WordCode, text: str, after: str = "before", delay_ms: float = 500.0) -> Act:
    return Act(words.encode(text), after=after, delay_ms=delay_ms)


def test_a_question_is_heard_and_its_answer_comes_within_the_endpoint_time():
    words = code(STORY)
    session = talk([STORY], [says(words, QUESTION)])
    assert words.decode(session.heard) == words_of(STORY)
    assert session.of("user_text")[-1]["text"] == QUESTION
    trace = session.of("turn")[-1]["trace"]
    assert 180 <= trace["ttfa_ms"] <= 300
    gap = session.first_sound_after(session.user.ends_ms[0]) - session.user.ends_ms[0]
    assert 180 <= gap <= 300


def test_history_holds_exactly_what_left_the_loudspeaker():
    words = code(STORY, "Fine then.")
    for delay_ms in (700, 1333, 2500, 3721):
        acts = [
            says(words, "tell me a story please"),
            says(words, "no wait I meant something else", "reply_begins", delay_ms),
        ]
        session = talk([STORY, "Fine then."], acts, control={"speculation": "off"})
        cut = next(m for m in session.of("heard") if m["interrupted"])
        story_sound = session.heard[: int((session.user.ends_ms[1] + 100) * 16)]
        audible = words.decode(story_sound)
        heard = words_of(cut["heard_text"])
        assert abs(len(heard) - len(audible)) <= 1 and heard[: len(audible)] == audible[: len(heard)]
        assert (
            words_of(cut["heard_text"] + " " + cut["unheard_text"])
            == words_of(STORY)[: len(heard) + len(words_of(cut["unheard_text"]))]
        )
        assert words.decode(session.heard)[-2:] == ["fine", "then"]


@pytest.mark.parametrize("frame_ms", [7, 10, 60, 100, 200])
def test_odd_frame_lengths_change_nothing(frame_ms):
    words = code(STORY)
    graph = stage_graph(SPOKEN, [STORY])
    (session,) = run_sessions(graph, [SyntheticUser([says(words, QUESTION)])], frame_ms=frame_ms)
    assert words.decode(session.heard) == words_of(STORY)
    assert [m["text"] for m in session.of("user_text") if m["final"]] == [QUESTION]


def test_a_sign_of_listening_lets_the_story_go_on_and_nothing_is_lost():
    words = code(STORY)
    acts = [says(words, "tell me a story please"), says(words, "mm-hmm", "reply_begins", 1500)]
    session = talk([STORY], acts)
    heard = words.decode(session.heard, min_ms=230)
    assert [w for w in words_of(STORY) if w not in heard] == []
    assert len([m for m in session.of("heard")]) == 1 and not session.of("heard")[0]["interrupted"]
    assert len([m for m in session.of("user_text") if m["final"]]) == 1


def test_a_cough_pauses_and_resumes():
    words = code(STORY)
    acts = [says(words, "tell me a story please"), Act(words.noise(350), after="reply_begins", delay_ms=1500)]
    session = talk([STORY], acts)
    assert "paused" in [m["state"] for m in session.of("state")]
    assert not session.of("heard")[0]["interrupted"]
    assert words_of(session.of("heard")[0]["heard_text"]) == words_of(STORY)


def test_a_spoken_stop_and_an_explicit_stop():
    words = code(STORY)
    spoken = talk([STORY], [says(words, "tell me a story please"), says(words, "stop", "reply_begins", 1500)])
    assert spoken.last_sound_ms() <= spoken.user.starts_ms[1] + 350
    explicit = talk(
        [STORY],
        [says(words, "tell me a story please"), Act(event={"type": "stop"}, after="reply_begins", delay_ms=1500)],
    )
    began = explicit.first_sound_after(0)
    assert explicit.last_sound_ms() <= began + 1500 + 40


def test_an_unfinished_sentence_waits_for_its_end():
    words = code(STORY)
    acts = [says(words, "I would like to"), says(words, "hear more", delay_ms=900)]
    session = talk([STORY], acts)
    finals = [m["text"] for m in session.of("user_text") if m["final"]]
    assert [" ".join(words_of(text)) for text in finals] == ["i would like to hear more"]


def test_speculation_never_sounds_before_the_commit():
    words = code(STORY)
    acts = [says(words, "tell me a story"), says(words, "please", delay_ms=330)]
    session = talk([STORY], acts, control={"patience": 1.0})
    assert session.first_sound_after(0) > session.user.ends_ms[1]
    assert sum(m["retracted"] for m in session.of("speculation")[-1:]) >= 1
    assert len([m for m in session.of("assistant_text") if m["final"]]) == 1


def test_the_timer_tool_is_called_and_speaks_up_when_it_is_due():
    words = code("All set.", STORY)
    timer = {
        "type": "extension",
        "name": "timer",
        "addon": "timer_tool_python",
        "extension_group": "timer",
        "property": {},
    }
    edges = [
        {
            "extension": "timer",
            "cmd": [{"name": "tool_register", "dest": [{"extension": "main_control"}]}],
            "data": [{"name": "client_event", "dest": [{"extension": "main_control"}]}],
        }
    ]
    call = {"name": "set_timer", "arguments": {"seconds": 3}}
    acts = [
        says(words, "set a timer please"),
        Act(event={"type": "mute", "on": False}, after="reply_ends", delay_ms=2500),
    ]
    graph = stage_graph([*SPOKEN, "All set."], [call, "All set."], extra_nodes=[timer], extra_connections=edges)
    (session,) = run_sessions(graph, [SyntheticUser(acts)])
    words = WordCode([*SPOKEN, "All set.", "All set."])
    assert words.decode(session.heard) == ["all", "set", *words_of("Your 3 second timer is up")]
    assert [m["state"] for m in session.of("tool")] == ["running", "done"]


@pytest.mark.parametrize("fault", ["fail", "stall"])
def test_a_broken_model_apologises_and_the_session_lives(fault):
    words = code("Fine then.")
    acts = [says(words, QUESTION), says(words, "and now again please", "reply_ends", 900)]
    session = talk(
        ["Fine then."],
        acts,
        llm={"faults": [fault, "none", "none"]},
        control={"llm_timeout_ms": 3000.0, "speculation": "off"},
    )
    heard = words.decode(session.heard)
    assert heard[0] == "sorry"
    assert heard[-2:] == ["fine", "then"]


def test_a_failing_voice_leaves_the_session_alive():
    words = code("Fine then.")
    acts = [says(words, QUESTION), says(words, "and now again please", delay_ms=12000)]
    graph = stage_graph(SPOKEN, ["Fine then."], control={"tts_timeout_ms": 2000.0})
    for node in graph.nodes:
        if node.name == "tts":
            node.property["params"]["vocabulary"] = ["nothing"]
    (session,) = run_sessions(graph, [SyntheticUser(acts, patience_ms=9000.0)])
    assert any(m["code"] in ("tts_failed", "tts_stalled") for m in session.of("notice"))
    assert len([m for m in session.of("user_text") if m["final"]]) == 2
    assert [m["state"] for m in session.of("state")][-1] == "listening"


def test_many_sessions_in_one_process_never_hear_each_other():
    graph = stage_graph(SPOKEN, REPLIES)
    words = code(STORY)
    users = [
        SyntheticUser([says(words, text, delay_ms=500.0 + 137 * i)])
        for i, text in enumerate([QUESTION, "tell me a story please", "and now again please", "set a timer please"] * 2)
    ]
    sessions = run_sessions(graph, users)
    for i, session in enumerate(sessions):
        asked = [QUESTION, "tell me a story please", "and now again please", "set a timer please"][i % 4]
        finals = [m["text"] for m in session.of("user_text") if m["final"]]
        assert finals == [asked]
        assert words.decode(session.heard) == words_of(STORY)


def test_the_same_conversation_twice_is_the_same():
    def once() -> tuple:
        words = code(STORY, "Fine then.")
        acts = [
            says(words, "tell me a story please"),
            says(words, "no wait I meant something else", "reply_begins", 1234),
        ]
        session = talk([STORY, "Fine then."], acts)
        return session.messages, session.heard.tobytes()

    (messages, sound), (again, same_sound) = once(), once()
    assert sound == same_sound
    assert messages == again
