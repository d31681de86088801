"""The TEN shell: messages in and out on the real runtime, garbage included."""

import random

import pytest
from stream_talk.graph import find_graph
from stream_talk.testing.stage import Stage, drive
from stream_talk_cli.launch import prepare_imports

prepare_imports(find_graph("embedded"))

DATA = (
    "asr_result asr_finalize_end turn_decision client_event playout_report tts_audio_start tts_audio_end "
    "tts_text_result tts_visemes error unheard_of"
).split()
CMDS = "start_of_sentence end_of_sentence tool_register on_user_joined on_user_left flush unheard_of".split()
KEYS = (
    "type text final id state probability request_id played_ms words start_ms duration_ms tool name timestamp_ms "
    "decided_ms turn_id on down messages settings"
).split()
VALUES = ["", "x", "hello", "speak", "reply-1", "stop", "text", "settings", -1, 0, 1e12, True, False, [], [1, "a"], {}]


async def ask_and_answer(stage: Stage) -> None:
    """One turn by hand: the recogniser's words, the model's answer, the voice's text."""
    before = len(stage.record.events)
    await stage.send_cmd("start_of_sentence", {"timestamp_ms": 0, "decided_ms": 50})
    await stage.send_cmd("end_of_sentence", {"timestamp_ms": 900, "decided_ms": 1100})
    finalize = await stage.wait_for(lambda e: e.name == "asr_finalize" and stage.record.events.index(e) >= before)
    result = {"id": "fresh", "text": "what time is it", "final": True, "language": "en-US"}
    await stage.send_data("asr_result", result)
    await stage.send_data("asr_finalize_end", {"finalize_id": finalize.body["finalize_id"]})
    asked = await stage.wait_for(lambda e: e.name == "chat_completion" and stage.record.events.index(e) >= before)
    assert asked.body["messages"][-1] == {"role": "user", "content": "what time is it"}


def test_a_turn_leads_from_the_recogniser_to_the_model():
    async def script(stage: Stage) -> None:
        await stage.send_data("client_event", {"type": "hello"})
        await ask_and_answer(stage)

    record = drive("main_control_python", {"session_id": "s9"}, script, virtual=True)
    states = [e.body["state"] for e in record.events if e.name == "message" and e.body["type"] == "state"]
    assert states[:2] == ["listening", "hearing"]
    assert all(e.body["session_id"] == "s9" for e in record.events if e.name == "message")


def test_every_command_is_answered():
    async def script(stage: Stage) -> None:
        for name in CMDS:
            assert (await stage.send_cmd(name, {})).ok

    drive("main_control_python", {}, script, virtual=True)


@pytest.mark.parametrize("seed", range(8))
def test_garbage_is_survived(seed):
    rng = random.Random(seed)

    async def script(stage: Stage) -> None:
        for _ in range(150):
            body = {key: rng.choice(VALUES) for key in rng.sample(KEYS, rng.randint(0, 6))}
            if rng.random() < 0.8:
                await stage.send_data(rng.choice(DATA), body)
            else:
                await stage.send_cmd(rng.choice(CMDS), body)
        await stage.quiet_for(30_000)
        await stage.send_data("client_event", {"type": "stop"})
        await stage.send_data("client_event", {"type": "mute", "on": False})
        settings = {"type": "settings", "mode": "auto", "interruption": "normal", "auto_response": True}
        await stage.send_data("client_event", settings)
        await stage.quiet_for(3000)
        await ask_and_answer(stage)

    drive("main_control_python", {}, script, virtual=True, timeout_ms=600_000)


def test_wrong_properties_leave_a_conversation_with_defaults():
    async def script(stage: Stage) -> None:
        await ask_and_answer(stage)

    drive("main_control_python", {"patience": 7.0}, script, virtual=True)
