"""The timer as a tool: what it accepts, what it says, and when."""

import pytest
from stream_talk.graph import find_graph
from stream_talk.testing.stage import Stage, drive
from stream_talk_cli.launch import prepare_imports

prepare_imports(find_graph("embedded"))


def call(**arguments) -> dict:
    return {"name": "set_timer", "arguments": arguments, "call_id": "c1"}


def content(answer) -> str:
    return answer.body["tool_result"]["content"]


def test_it_registers_itself_and_speaks_when_the_time_is_up():
    async def script(stage: Stage) -> None:
        registered = await stage.wait_for(lambda e: e.name == "tool_register")
        assert registered.body["tool"]["name"] == "set_timer"
        answer = await stage.send_cmd("tool_call", call(seconds=90))
        assert answer.body["tool_result"] == {
            "type": "llmresult",
            "content": "The timer is set for 1 minute and 30 seconds.",
        }
        said = await stage.wait_data("client_event", timeout_ms=120_000)
        assert said.body == {"type": "say", "text": "Your 1 minute and 30 second timer is up."}

    record = drive("timer_tool_python", {}, script, virtual=True)
    registered, said = (next(e for e in record.events if e.name == n) for n in ("tool_register", "client_event"))
    assert 90_000 <= said.at_ms - registered.at_ms <= 90_100


@pytest.mark.parametrize(
    ("arguments", "announcement"),
    [
        ({"seconds": 60, "label": "the tea"}, "Time is up for the tea."),
        ({"seconds": 300, "language": "zh"}, "5分钟的计时到了。"),
        ({"seconds": 5, "label": "煮鸡蛋"}, "煮鸡蛋的时间到了。"),
    ],
)
def test_announcements_in_both_languages(arguments, announcement):
    async def script(stage: Stage) -> None:
        await stage.send_cmd("tool_call", call(**arguments))
        said = await stage.wait_data("client_event", timeout_ms=400_000)
        assert said.body["text"] == announcement

    drive("timer_tool_python", {}, script, virtual=True, timeout_ms=600_000)


@pytest.mark.parametrize("seconds", [0, -5, "ten", None, float("inf"), True, 999_999_999])
def test_nonsense_is_refused_in_words_for_the_model(seconds):
    async def script(stage: Stage) -> None:
        arguments = {} if seconds in (None, float("inf")) else {"seconds": seconds}
        answer = await stage.send_cmd("tool_call", call(**arguments))
        assert answer.ok and content(answer).startswith("not set:")

    drive("timer_tool_python", {}, script, virtual=True)


def test_the_number_of_timers_is_bounded_and_unknown_commands_are_answered():
    async def script(stage: Stage) -> None:
        for _ in range(2):
            assert content(await stage.send_cmd("tool_call", call(seconds=50))).startswith("The timer is set")
        assert content(await stage.send_cmd("tool_call", call(seconds=50))) == "not set: 2 timers are running already"
        assert (await stage.send_cmd("something_else")).ok

    drive("timer_tool_python", {"max_timers": 2}, script, virtual=True)
