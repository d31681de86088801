"""Speculation's budget and accounts; history's budget and honesty; words of all scripts."""

from stream_talk.turn.history import Entry, History, estimated_tokens
from stream_talk.turn.speculation import Speculation, SpeculationBudget
from stream_talk.turn.words import join_segments, same_words, words_of


def test_drafts_in_speech_need_finished_and_stable_words():
    spec = Speculation(SpeculationBudget())
    spec.heard(tuple(words_of("what time is it")), 0)
    assert not spec.should_draft("what time is it", 0.9, 100, in_pause=False)
    assert spec.stable_at_ms == 200
    assert spec.should_draft("what time is it", 0.9, 200, in_pause=False)
    assert not spec.should_draft("what time is it", 0.5, 200, in_pause=False)


def test_the_same_words_are_not_drafted_twice_and_a_turn_has_a_limit():
    spec = Speculation(SpeculationBudget(max_drafts=2))
    now = 0.0
    for text in ("one", "one two"):
        spec.heard(tuple(words_of(text)), now)
        assert spec.should_draft(text, 0.9, now, in_pause=True)
        spec.opened(text, now)
        assert not spec.should_draft(text.upper() + ".", 0.9, now, in_pause=True)
    spec.heard(tuple(words_of("one two three")), now)
    assert not spec.should_draft("one two three", 0.9, now, in_pause=True)
    spec.new_turn()
    spec.heard(tuple(words_of("fresh")), now)
    assert spec.should_draft("fresh", 0.9, now, in_pause=True)


def test_waste_is_counted_and_bounded_per_minute():
    spec = Speculation(SpeculationBudget(max_wasted_ms=1000))
    spec.heard(tuple(words_of("hello")), 0)
    spec.opened("hello", 0)
    spec.retract(800)
    spec.opened("hello", 1000)
    spec.miss(1400)
    assert spec.stats.as_dict() == {"hits": 0, "misses": 1, "retracted": 1, "wasted_ms": 1200, "saved_ms": 0}
    spec.new_turn()
    spec.heard(tuple(words_of("again")), 1400)
    assert not spec.should_draft("again", 0.9, 1500, in_pause=True)
    assert spec.should_draft("again", 0.9, 62_000, in_pause=True)


def test_a_hit_needs_the_very_words():
    spec = Speculation(SpeculationBudget())
    spec.opened("what time is it", 0)
    assert spec.matches("What time is it?")
    assert not spec.matches("what time is it in Tokyo")
    spec.hit(300)
    assert spec.stats.hits == 1 and spec.stats.saved_ms == 300


def test_history_holds_heard_text_and_the_mark():
    history = History()
    history.add(Entry("user", "tell me a story", 1))
    history.add(Entry("assistant", "Once upon a time", 1, interrupted=True, request_id="r1"))
    assert history.messages("Be kind.") == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "tell me a story"},
        {"role": "assistant", "content": "Once upon a time —"},
    ]
    history.add(Entry("user", "go on", 2))
    history.put_heard(Entry("assistant", "Once", 1, interrupted=True, request_id="r1"))
    assert [e.text for e in history.entries] == ["tell me a story", "Once", "go on"]
    history.put_heard(Entry("assistant", "", 1, interrupted=True, request_id="r1"))
    assert [e.text for e in history.entries] == ["tell me a story", "go on"]
    history.put_heard(Entry("assistant", "Once upon", 1, interrupted=True, request_id="r1"))
    assert [e.text for e in history.entries] == ["tell me a story", "Once upon", "go on"]


def test_the_oldest_turns_go_first_and_never_leave_half_a_turn():
    history = History(max_tokens=100)
    for turn in range(20):
        history.add(Entry("user", f"question number {turn}", turn))
        history.add(Entry("assistant", f"answer number {turn}", turn))
    assert sum(e.tokens for e in history.entries) <= 100
    assert history.entries[0].role == "user"
    assert history.entries[-1].text == "answer number 19"


def test_restore_takes_what_is_usable():
    history = History()
    history.restore(
        [
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "x"},
            {"role": "assistant", "text": "hello"},
            {},
        ],
        "earlier",
    )
    assert [e.text for e in history.entries] == ["hi", "hello"]
    assert "earlier" in history.messages("p")[0]["content"]


def test_a_turn_that_was_not_over_is_taken_back_but_not_what_was_heard():
    history = History()
    history.add(Entry("user", "I want", 3))
    history.put_heard(Entry("assistant", "Well", 3, interrupted=True, request_id="r"))
    history.take_back(3)
    assert [e.text for e in history.entries] == ["Well"]


def test_words_of_every_script():
    assert words_of("Don’t stop—it's 3 o'clock!") == ["don't", "stop", "it's", "3", "o'clock"]
    assert words_of("你好，world 朋友") == ["你", "好", "world", "朋", "友"]
    assert words_of("ありがとう")[:2] == ["あ", "り"]
    assert same_words("Hello, World", "hello world")
    assert join_segments(["hello", " there ", "", "你好", "吗"]) == "hello there你好吗"
    assert estimated_tokens("你好") == 6 and estimated_tokens("hello world!") == 7
