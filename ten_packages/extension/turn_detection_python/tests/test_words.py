from __future__ import annotations

import pytest

from ..words import read_words

WHOLE = """
what is the weather like today|turn off the light please|thank you very much|how are you doing|I would like a coffee
my number is five five five one two three four|no that's all|yes|good night|you are right, aren't you
今天天气怎么样|你好吗|谢谢|我想听音乐吧|把灯关了|我的号码是一三八零零一三八零零零
"""
OPEN = """
I would like to|because|and then I|so what I mean is um|my name is|could you|can you tell me about the|my number is five five five one
the price is three point|I went to the|such as|it depends on whether you
因为|然后我|我想|我觉得那个|如果明天下雨的话|我的电话是一三八|我的号码是|一百零
"""
WAIT = """
hold on|wait|wait a minute please|just a second|give me a moment|one moment please|okay hang on|let me think|let me think about it|be quiet
等一下|等等|稍等一下|让我想想|我先想一下|先别说|请稍等|别说话|等会儿啊
"""
NOT_WAIT = "wait for me at the station tomorrow|how long do I have to wait for the bus|hold on to the rope tightly|我在等一下午了没有人来"


def each(block: str) -> list[str]:
    return [text.strip() for line in block.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize("text", each(WHOLE))
def test_whole_sentences_are_finished(text: str) -> None:
    assert read_words(text).state == "finished"


@pytest.mark.parametrize("text", each(OPEN))
def test_what_hangs_in_the_air_is_unfinished(text: str) -> None:
    reading = read_words(text)
    assert reading.state == "unfinished" and reading.probability < 0.5


@pytest.mark.parametrize("text", each(WAIT))
def test_a_request_to_wait_is_heard(text: str) -> None:
    assert read_words(text).state == "wait"


@pytest.mark.parametrize("text", each(NOT_WAIT))
def test_sentences_about_waiting_are_not_requests(text: str) -> None:
    assert read_words(text).state != "wait"


def test_a_phone_number_is_finished_with_its_last_digit() -> None:
    digits = "five five five one two three four".split()
    states = [read_words("my number is " + " ".join(digits[:count])).state for count in range(3, 8)]
    assert states == ["unfinished"] * 4 + ["finished"]


@pytest.mark.parametrize("text", ["", "   ", "...", "😀", "\x00", "a" * 10_000, "。" * 50])
def test_odd_text_has_a_state_too(text: str) -> None:
    assert read_words(text).state in ("finished", "unfinished", "wait")
