"""What the built-in talker answers. The clock and the messages decide everything."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import pytest
from stream_talk.engines.interfaces import EngineUnavailable, LlmEvent, LlmRequest, TextDelta, ToolCall

from ten_packages.extension.rules_llm_python import moments, reflection, timer
from ten_packages.extension.rules_llm_python.engine import RulesEngine

TIMER_TOOL = {
    "name": "set_timer",
    "description": "Sets a timer",
    "parameters": [
        {"name": "seconds", "type": "float64", "description": "how long", "required": True},
        {"name": "label", "type": "string", "description": "what for", "required": False},
        {"name": "language", "type": "string", "description": "of the announcement", "required": False},
    ],
}
EVENING = 1_795_207_500.0  # 2026-11-20 20:45:00 UTC, a Friday


class Talk:
    """A conversation that grows, as main_control would keep it."""

    def __init__(self, **params: Any) -> None:
        self.engine = RulesEngine(**{"timezone": "UTC", **params})
        self.messages: list[dict[str, Any]] = []
        self.events: list[LlmEvent] = []

    def say(self, text: str, tools: list[dict[str, Any]] | None = None) -> str:
        self.messages.append({"role": "user", "content": text})
        self.events = asyncio.run(self._reply(tools or []))
        reply = "".join(event.text for event in self.events if isinstance(event, TextDelta))
        self.messages.append({"role": "assistant", "content": reply})
        return reply

    async def _reply(self, tools: list[dict[str, Any]]) -> list[LlmEvent]:
        await self.engine.load()
        return [event async for event in self.engine.stream(LlmRequest("r1", self.messages, tools))]


@pytest.fixture(autouse=True)
def evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: EVENING)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what is 12 times 7", "12 times 7 is 84."),
        ("What is twelve times seven?", "12 times 7 is 84."),
        ("two plus three times four", "2 plus 3 times 4 is 14."),
        ("one hundred and twenty three point five minus a half", None),
        ("what's the square root of 16", "The square root of 16 is 4."),
        ("ten percent of fifty", "10 percent of 50 is 5."),
        ("half of ten", "Half of 10 is 5."),
        ("what is 10 / 4", "10 divided by 4 is 2.5."),
        ("ten divided by three", "10 divided by 3 is about 3.333."),
        ("minus five plus three", "Minus 5 plus 3 is minus 2."),
        ("two to the power of ten", "2 to the power of 10 is 1,024."),
        ("seven squared", "7 squared is 49."),
        ("ten divided by zero", "That one has no answer I can give."),
        ("nine to the power of a million", "That one has no answer I can give."),
        ("add five and seven", "5 plus 7 is 12."),
        ("subtract three from ten please", "10 minus 3 is 7."),
        ("multiply 6 by 7", "6 times 7 is 42."),
        ("divide a hundred by four", "100 divided by 4 is 25."),
        ("what is double 21", "2 times 21 is 42."),
        ("two to the tenth", "2 to the power of 10 is 1,024."),
        ("two thirds of thirty", "2 thirds of 30 is 20."),
        ("one third plus one sixth", "1 third plus 1 sixth is 0.5."),
        ("five plus three quarters", "5 plus 3 quarters is 5.75."),
        ("two and a half times four", "2.5 times 4 is 10."),
        ("三分之一加六分之一", "3分之1加6分之1等于0.5。"),
        ("三十的三分之二", "30的3分之2等于20。"),
        ("五的三倍", "5乘以3等于15。"),
        ("三加五等于几", "3加5等于8。"),
        ("一百二十三乘以两千是多少", "123乘以2000等于246000。"),
        ("百分之十的五十是多少", "10%的50等于5。"),
        ("二的三次方", "2的3次方等于8。"),
        ("十的一半", "10的一半等于5。"),
        ("十除以零", "这个算式我算不出来。"),
        ("what time is it", "It's a quarter to nine in the evening."),
        ("现在几点了", "现在是晚上八点四十五分。"),
        ("the time will be exactly", "It's a quarter to nine in the evening."),
        ("can you tell me the current time please", "It's a quarter to nine in the evening."),
        ("what time is it in Tokyo", "In Tokyo it's a quarter to six in the morning."),
        ("what time is it in New York right now?", "In New York it's a quarter to four in the afternoon."),
        (
            "what time is it in Atlantis",
            "I don't know the clocks of Atlantis. Here it's a quarter to nine in the evening.",
        ),
        ("东京现在几点", "东京现在是早上五点四十五分。"),
        ("what year is it", "It's 2026."),
        ("今年是哪一年", "今年是2026年。"),
        ("is it Friday?", "Yes, it's Friday today."),
        ("今天是星期一吗", "不是，今天是星期五。"),
        ("what day is it tomorrow", "Tomorrow is Saturday, November 21, 2026."),
        ("今天星期几", "今天是2026年11月20号，星期五。"),
        ("count to five", "1, 2, 3, 4, 5."),
        ("数到十", "1，2，3，4，5，6，7，8，9，10。"),
        ("count to a million", "I only count up to 100."),
        ("spell hello", "H, E, L, L, O."),
        ("say good evening", "Good evening."),
        ("I feel tired", "You're tired. What do you think brought that on?"),
        ("I like my new piano", "You like your new piano. Tell me what makes you say that."),
        ("stop", "Okay."),
        ("停", "好的。"),
    ],
)
def test_answers(question: str, answer: str | None) -> None:
    reply = Talk().say(question)
    if answer is None:
        assert reply
    else:
        assert reply == answer


def test_it_says_what_it_is_and_how_to_get_a_model() -> None:
    english, chinese = Talk().say("who are you?"), Talk().say("你是谁")
    assert "built-in talker" in english
    assert "not a language model" in english
    assert "Ollama" in english
    assert "不是语言模型" in chinese
    assert "no language model" in Talk().say("why is the sky blue")


def test_it_remembers_the_name_from_the_conversation() -> None:
    talk = Talk()
    assert talk.say("what's my name") == "You haven't told me your name yet."
    assert talk.say("My name is Ada") == "Nice to meet you, Ada."
    assert talk.say("what is my name?") == "Your name is Ada."
    assert "Ada" in talk.say("goodbye")
    assert talk.say("我叫小明") == "很高兴认识你，小明。"
    assert talk.say("我叫什么") == "你叫小明。"
    assert Talk().say("what is my name") == "You haven't told me your name yet."


def test_call_me_a_taxi_is_no_name() -> None:
    talk = Talk()
    talk.say("call me a taxi")
    assert talk.say("what is my name") == "You haven't told me your name yet."


def test_it_repeats_what_it_said_and_what_was_said() -> None:
    talk = Talk()
    assert talk.say("repeat that") == "I haven't said anything yet."
    talk.messages.clear()
    talk.say("what is two plus two")
    assert talk.say("say that again") == "I said: 2 plus 2 is 4."
    assert talk.say("repeat that") == "I said: 2 plus 2 is 4."
    assert talk.say("what did I just say") == "You said: repeat that"


def test_a_cut_reply_is_repeated_without_its_mark() -> None:
    talk = Talk()
    for mark in (" —", " [interrupted by the person]"):
        talk.messages = [{"role": "assistant", "content": f"Once there was{mark}"}]
        assert talk.say("repeat that") == "I said: Once there was"


def test_reflection_turns_the_person_round() -> None:
    reply = Talk().say("your dog ate my homework")
    assert "my dog ate your homework" in reply
    assert "你今天去了公园" in Talk().say("我今天去了公园")


def test_small_talk_does_not_repeat_itself() -> None:
    talk = Talk()
    assert talk.say("hello") != talk.say("hello")


def test_a_timer_is_set_through_the_tool() -> None:
    talk = Talk()
    assert talk.say("set a timer for an hour and five minutes", [TIMER_TOOL]) == ""
    assert talk.events == [ToolCall("call_r1", "set_timer", {"seconds": 3900, "language": "en"})]
    talk.messages[-1:] = [
        {"type": "function_call", "call_id": "call_r1", "name": "set_timer", "arguments": "{}", "role": "assistant"},
        {"type": "function_call_output", "call_id": "call_r1", "output": "Timer set.", "role": "tool"},
    ]
    assert "".join(e.text for e in asyncio.run(talk._reply([TIMER_TOOL])) if isinstance(e, TextDelta)) == "Timer set."
    assert talk.say("定一个五分钟的闹钟", [TIMER_TOOL]) == ""
    assert talk.events == [ToolCall("call_r1", "set_timer", {"seconds": 300, "language": "zh"})]


def test_a_timer_without_the_tool_or_without_a_time() -> None:
    assert "No timer tool" in Talk().say("set a timer for five minutes")
    assert Talk().say("set a timer", [TIMER_TOOL]) == "Sure. For how long?"


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("90 seconds", 90),
        ("half an hour", 1800),
        ("two and a half minutes", 150),
        ("an hour and a half", 5400),
        ("twenty five minutes", 1500),
        ("soon", None),
    ],
)
def test_spans_of_time(words: str, seconds: int | None) -> None:
    assert timer.span_en(words) == seconds


@pytest.mark.parametrize(
    ("words", "seconds"), [("一个半小时", 5400), ("两分三十秒", 150), ("半小时", 1800), ("等会儿", None)]
)
def test_spans_of_time_in_chinese(words: str, seconds: int | None) -> None:
    assert timer.span_zh(words) == seconds


def test_every_minute_of_the_day_can_be_said() -> None:
    english = {moments.time_en(datetime(2026, 1, 1, hour, minute)) for hour in range(24) for minute in range(60)}
    chinese = {moments.time_zh(datetime(2026, 1, 1, hour, minute)) for hour in range(24) for minute in range(60)}
    assert len(english) == 1440
    assert len(chinese) == 1440
    assert moments.time_en(datetime(2026, 1, 1, 0, 0)) == "midnight"
    assert moments.time_en(datetime(2026, 1, 1, 11, 40)) == "twenty minutes to noon"
    assert moments.time_zh(datetime(2026, 1, 1, 14, 5)) == "下午两点零五分"


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (["what's the date", "and tomorrow?"], "Tomorrow is Saturday, November 21, 2026."),
        (["what time is it", "what about London?"], "In London it's a quarter to nine in the evening."),
        (["what is 12 times 7", "divided by 3", "squared"], "28 squared is 784."),
        (["tell me a joke", "another one"], "I would tell you a joke about silence, but you'd have to hear it."),
        (["what is 4 times 7", "no, I meant five times eight"], "5 times 8 is 40."),
        (["I live in London", "no, I meant my house"], "Ah, your house. Thank you for putting that right."),
        (["今天几号", "那后天呢"], "后天是2026年11月22号，星期日。"),
        (["三加五等于几", "再乘以二"], "8乘以2等于16。"),
        (["你好", "不是，我是说六乘七"], "6乘以7等于42。"),
        (["what is 2 plus 2", "what?"], "I said: 2 plus 2 is 4."),
        (["三加五等于几", "没听清"], "我刚才说：3加5等于8。"),
    ],
)
def test_what_leans_on_the_last_reply_is_understood(said: list[str], last: str) -> None:
    talk = Talk()
    assert [talk.say(text) for text in said][-1] == last


@pytest.mark.parametrize(
    "text",
    ["turn on the lights", "please enter your number", "play some music", "call my mother", "放点音乐", "给妈妈打电话"],
)
def test_a_task_is_declined_and_not_said_back(text: str) -> None:
    reply = Talk().say(text)
    assert "can't" in reply or "not among my rules" in reply or "做不到" in reply or "没有这一条" in reply


@pytest.mark.parametrize(
    "text",
    ["what is the date of Easter", "what day is Christmas", "what time is the meeting", "how many days until May"],
)
def test_it_does_not_pretend_to_know(text: str) -> None:
    reply = Talk().say(text)
    assert "November" not in reply and "quarter" not in reply
    assert "rule" in reply or "know" in reply


def test_an_alarm_and_a_cancelled_timer_are_declined() -> None:
    assert "can't set an alarm" in Talk().say("set an alarm for seven am", [TIMER_TOOL])
    assert "can't be stopped" in Talk().say("cancel the timer", [TIMER_TOOL])


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ("you are right", "I am right"),
        ("it was fun", "it was fun"),
        ("i was with you", "you were with me"),
        ("you told me a lot", "I told you a lot"),
        ("i saw you at seven am", "you saw me at seven am"),
    ],
)
def test_grammar_survives_the_turning_round(said: str, turned: str) -> None:
    assert reflection.swap_en(said) == turned


def test_it_streams_token_by_token() -> None:
    talk = Talk()
    talk.say("who are you")
    deltas = [event for event in talk.events if isinstance(event, TextDelta)]
    assert len(deltas) > 20
    assert max(len(delta.text) for delta in deltas) < 20


def test_the_same_messages_at_the_same_time_give_the_same_answer() -> None:
    assert [Talk().say("flip a coin") for _ in range(3)] == ["Heads."] * 3
    assert Talk().say("tell me a joke") == Talk().say("tell me a joke")


@pytest.mark.parametrize("text", ["", "   ", "...", "???", "🙂", "a" * 5000, "嗯" * 3000, "12", "+ - * /", "NaN"])
def test_anything_is_answered(text: str) -> None:
    assert Talk().say(text).strip()


def test_no_messages_at_all() -> None:
    assert asyncio.run(Talk()._reply([]))


def test_an_unknown_timezone_is_told() -> None:
    with pytest.raises(EngineUnavailable, match="IANA"):
        asyncio.run(RulesEngine(timezone="Middle/Earth").load())
