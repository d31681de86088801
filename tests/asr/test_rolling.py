"""The rolling transcriber with a scripted model: when it looks, what becomes stable, what it never says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from stream_talk.asr.guards import GuardRules, accept, without_loop
from stream_talk.asr.hypothesis import Hypothesis
from stream_talk.asr.levels import LevelMeter
from stream_talk.asr.rolling import RollingRules, RollingSegment, Samples, after, agreed_beginning, join
from stream_talk.engines.interfaces import Pcm16, Transcript

FRAME = 320
RULES = RollingRules()


def voice(ms: int, loudness: float = 3000.0) -> Pcm16:
    noise = np.random.default_rng(5).standard_normal(ms * 16) * loudness
    return noise.clip(-32768, 32767).astype(np.int16)


def silence(ms: int) -> Pcm16:
    return np.zeros(ms * 16, np.int16)


class ScriptedModel:
    """Says the next line of a script; with `begins_with`, only what follows it."""

    def __init__(self, lines: Sequence[str], logprob: float = -0.2, no_speech: float = 0.0) -> None:
        self.lines = list(lines)
        self.logprob, self.no_speech = logprob, no_speech
        self.heard_ms: list[float] = []
        self.beginnings: list[str] = []
        self.finals: list[bool] = []

    def __call__(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        self.heard_ms.append(len(samples) / 16)
        self.beginnings.append(begins_with)
        self.finals.append(final)
        line = self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]
        return Hypothesis(line.removeprefix(begins_with).strip(), "en", self.logprob, self.no_speech)


def segment_of(model: ScriptedModel, rules: RollingRules = RULES) -> RollingSegment:
    return RollingSegment(model, rules, wall_ms=lambda: 0.0)


def feed(segment: RollingSegment, pcm: Pcm16) -> list[Transcript]:
    return [found for at in range(0, len(pcm), FRAME) for found in segment.feed(pcm[at : at + FRAME])]


def stable_text(transcript: Transcript) -> list[str]:
    return [word.text for word in transcript.words if word.stable]


def test_partials_while_the_person_speaks_and_a_stable_beginning() -> None:
    model = ScriptedModel(["turn on", "turn on the lie", "turn on the light in", "turn on the light in the kitchen"])
    segment = segment_of(model)
    partials = feed(segment, voice(2000))
    assert [partial.text for partial in partials][:3] == ["turn on", "turn on the lie", "turn on the light in"]
    assert [stable_text(partial) for partial in partials][:3] == [[], ["turn"], ["turn", "on", "the"]]
    final = segment.finish()
    assert final.final
    assert final.text == "turn on the light in the kitchen"


def test_what_was_stable_is_never_taken_back() -> None:
    model = ScriptedModel(["the weather is", "the weather is nice", "a whether was"])
    segment = segment_of(model)
    partials = [*feed(segment, voice(1500)), segment.finish()]
    before: list[str] = []
    for partial in partials:
        assert stable_text(partial)[: len(before)] == before
        before = stable_text(partial)
    assert partials[-1].text.startswith("the weather")


def test_the_model_only_continues_from_the_stable_beginning() -> None:
    model = ScriptedModel(["one two three", "one two three four", "one two three four five"])
    feed(segment := segment_of(model), voice(1800))
    segment.finish()
    assert model.beginnings[0] == ""
    assert model.beginnings[-1].startswith("one two")


def test_the_final_is_there_before_it_is_asked_for() -> None:
    model = ScriptedModel(["turn on", "turn on the light"])
    segment = segment_of(model)
    feed(segment, voice(700))
    feed(segment, silence(250))
    looks = segment.looks
    assert segment.finish().text == "turn on the light"
    assert segment.looks == looks
    assert model.finals == [False] * looks


def test_an_unsure_partial_is_not_used_as_the_final() -> None:
    segment = segment_of(model := ScriptedModel(["mumble"], logprob=-0.65))
    feed(segment, voice(700))
    feed(segment, silence(250))
    segment.finish()
    assert model.finals[-1] is True


def test_voice_after_the_last_look_is_heard_by_the_final() -> None:
    model = ScriptedModel(["hello"])
    segment = segment_of(model)
    feed(segment, voice(600))
    feed(segment, voice(100))
    segment.finish()
    assert model.heard_ms[-1] == 700


def test_silence_and_clicks_never_reach_the_model() -> None:
    for pcm in (silence(1000), voice(1000, loudness=5.0), voice(50), np.zeros(0, np.int16)):
        model = ScriptedModel(["Thank you for watching."])
        segment = segment_of(model)
        feed(segment, pcm)
        assert segment.finish().text == ""
        assert model.heard_ms == []


def test_a_slow_model_is_asked_less_often() -> None:
    times = iter(range(0, 10**6, 400))
    model = ScriptedModel(["a b c"])
    segment = RollingSegment(model, RULES, wall_ms=lambda: float(next(times)))
    feed(segment, voice(3000))
    assert len(model.heard_ms) == 4  # each look costs 400 ms, so one per 800 ms of speech


def test_no_partials_when_they_are_switched_off() -> None:
    model = ScriptedModel(["hello there"])
    segment = segment_of(model, RollingRules(partials=False))
    assert feed(segment, voice(2000)) == []
    assert segment.finish().text == "hello there"
    assert len(model.heard_ms) == 1


def test_a_long_speech_is_cut_where_it_is_quietest_and_nothing_is_lost() -> None:
    model = ScriptedModel(["some words"])
    segment = segment_of(model, RollingRules(partial_interval_ms=5000))
    feed(segment, np.concatenate([voice(18_000), silence(300), voice(12_000), silence(200), voice(30_000)]))
    final = segment.finish()
    assert max(model.heard_ms) <= 25_100
    assert 18_000 <= next(ms for ms, is_final in zip(model.heard_ms, model.finals, strict=True) if is_final) <= 18_300
    assert final.text.startswith("some words some words")
    assert final.start_ms + final.duration_ms >= 60_000


def test_a_long_recording_without_partials_is_cut_too() -> None:
    model = ScriptedModel(["words"])
    segment = segment_of(model, RollingRules(partials=False))
    feed(segment, voice(70_000))
    assert segment.finish().text == "words words words words"
    assert max(model.heard_ms) <= 25_100


def test_chinese_agrees_sign_by_sign() -> None:
    assert agreed_beginning("今天天气", "今天天气很好") == "今天天"
    assert join("今天", "天气") == "今天天气"
    assert join("hello", "world") == "hello world"
    assert join("hello", ", world") == "hello, world"


def test_agreement_ignores_case_and_punctuation_and_leaves_the_last_word_open() -> None:
    assert agreed_beginning("Well i think", "well, I think so") == "well, I"


def test_what_follows_a_beginning_that_is_spelled_otherwise() -> None:
    assert after("The weather, is nice", "the weather") == "is nice"
    assert after("今天天气很好", "今天") == "天气很好"
    assert after("hello", "hello world") == ""


def test_phantoms_are_dropped_only_in_doubt() -> None:
    rules = GuardRules()
    assert accept(Hypothesis("Thank you.", "en", -0.2, 0.05), rules) == "Thank you."
    assert accept(Hypothesis("Thank you.", "en", -0.2, 0.5), rules) == ""
    assert accept(Hypothesis("字幕由Amara.org社区提供", "zh", -0.8, 0.1), rules) == ""
    assert accept(Hypothesis("turn left", "en", -0.8, 0.9), rules) == ""
    assert accept(Hypothesis("turn left", "en", -0.8, 0.1), rules) == "turn left"
    assert accept(Hypothesis("turn left", "en", -2.5, 0.1), rules) == ""
    assert accept(Hypothesis(" ... ", "en", 0.0, 0.0), rules) == ""


def test_hot_words_read_back_are_dropped() -> None:
    hot_words = ("Stream-Talk", "Kokoro")
    doubtful = Hypothesis("Stream-Talk, Kokoro, Kokoro.", "en", -0.3, 0.5)
    assert accept(doubtful, GuardRules(), hot_words) == ""
    assert accept(Hypothesis("Ask Kokoro to speak", "en", -0.3, 0.5), GuardRules(), hot_words) == "Ask Kokoro to speak"


def test_loops_are_cut_and_emphasis_is_kept() -> None:
    assert without_loop("I think so so so so so so", 4) == "I think so"
    assert without_loop("no no no", 4) == "no no no"
    assert without_loop("go to the go to the go to the go to the shop", 4) == "go to the"
    assert without_loop("好的好的好的好的好的", 4) == "好的"


def test_levels_find_where_the_voice_is() -> None:
    meter = LevelMeter(16000)
    for pcm in (silence(300), voice(500), silence(200)):
        for at in range(0, len(pcm), 111):
            meter.feed(pcm[at : at + 111])
    assert (meter.voice_start_ms, meter.voice_end_ms, meter.voiced_ms) == (300, 800, 500)
    assert not meter.silent
