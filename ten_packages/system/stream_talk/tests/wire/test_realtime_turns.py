"""The Realtime protocol where turns meet: commits, cuts, sounds without words, functions, what is remembered."""

from __future__ import annotations

import pytest
from stream_talk.wire.realtime.functions import as_tool

from .realtime_client import Client

TYPED = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


def asked(client: Client, kind: str) -> list[dict]:
    return [event for event in client.asked if event["type"] == kind]


def test_the_end_of_an_older_reply_does_not_end_the_response_that_was_just_asked_for():
    client = Client()
    client.send(type="conversation.item.create", item=TYPED)
    client.send(type="response.create")
    client.send(type="response.cancel")
    client.send(type="response.create")
    second = client.response_id
    # The conversation drops what it had begun for the first one only now.
    client.take(client.connection.on_cut(1, asked(client, "create_response")[0]["request_id"]))
    assert client.response_id == second
    client.reply(generation=2)
    client.sound_out(generation=2)
    assert client.types()[-1] == "response.output_audio.delta"


def test_a_word_that_was_on_its_way_when_its_response_was_cancelled_opens_no_other():
    client = Client()
    client.send(type="conversation.item.create", item=TYPED)
    client.send(type="response.create")
    first = asked(client, "create_response")[0]["request_id"]
    client.send(type="response.cancel")
    client.hear(type="assistant_text", delta="Hel", generation=1, turn_id=1, request_id=first)
    assert client.types()[-1] == "response.done"
    client.send(type="response.create")
    assert client.types()[-1] == "response.created"


def test_a_response_that_is_cut_before_its_first_word_closes():
    client = Client()
    client.send(type="conversation.item.create", item=TYPED)
    client.send(type="response.create")
    client.take(client.connection.on_cut(1, asked(client, "create_response")[0]["request_id"]))
    assert client.last("response.done")["response"]["status"] == "cancelled"
    client.send(type="response.create")
    assert client.types()[-1] == "response.created"


def test_a_sound_without_words_is_announced_as_over_and_the_next_one_is_new():
    client = Client()
    for _ in range(2):
        client.forget()
        client.speak(500)
        client.hear(type="state", state="hearing")
        started = client.last("input_audio_buffer.speech_started")["item_id"]
        client.hear(type="state", state="listening")
        assert client.types() == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.cleared",
        ]
        assert client.last("input_audio_buffer.speech_stopped")["item_id"] == started
    client.turn()
    assert client.last("input_audio_buffer.committed")["item_id"] != started


def test_a_commit_of_silence_gets_an_empty_transcript_and_the_next_one_its_own():
    client = Client()
    audio = {"input": {"turn_detection": None, "transcription": {"model": "any"}}}
    client.send(type="session.update", session={"audio": audio})
    client.hear(type="state", state="listening")
    client.speak(500)
    client.send(type="input_audio_buffer.commit")
    client.hear(type="state", state="listening")  # of the time before the commit: nothing is known yet
    client.hear(type="state", state="hearing")
    client.hear(type="state", state="listening")
    completed = "conversation.item.input_audio_transcription.completed"
    assert client.last(completed)["transcript"] == ""
    client.speak(500)
    client.send(type="input_audio_buffer.commit")
    client.hear(type="state", state="hearing")
    client.hear(type="user_text", text="hi", final=True, start_ms=0, duration_ms=400, source="speech")
    assert client.last(completed)["transcript"] == "hi"
    assert client.last(completed)["item_id"] == client.last("input_audio_buffer.committed")["item_id"]


def test_a_commit_by_the_client_in_the_middle_of_speech_is_one_item():
    client = Client()
    client.send(type="session.update", session={"audio": {"input": {"transcription": {"model": "any"}}}})
    client.speak(500)
    client.hear(type="state", state="hearing")
    client.send(type="input_audio_buffer.commit")
    client.hear(type="user_text", text="hi", final=True, start_ms=0, duration_ms=400, source="speech")
    assert client.types().count("input_audio_buffer.committed") == 1
    assert client.types().count("input_audio_buffer.speech_stopped") == 1
    assert client.last("conversation.item.input_audio_transcription.completed")["transcript"] == "hi"


def test_a_reply_that_was_ready_before_the_last_words_were_told_comes_after_them():
    client = Client()
    client.speak(500)
    client.hear(type="state", state="hearing")
    client.sound_out(ms=40)
    assert client.types()[-1] == "input_audio_buffer.speech_started"
    client.hear(type="user_text", text="hi", final=True, start_ms=0, duration_ms=400, source="speech", turn_id=1)
    kinds = client.types()
    assert kinds.index("input_audio_buffer.committed") < kinds.index("response.created")
    assert kinds.count("response.output_audio.delta") == 1
    user = client.last("input_audio_buffer.committed")["item_id"]
    assert client.last("conversation.item.added")["previous_item_id"] == user


def test_a_turn_that_was_not_over_replaces_what_was_committed_of_it():
    client = Client()
    for text in ("what", "what time is it"):
        client.speak(500)
        client.hear(type="state", state="hearing")
        client.hear(type="user_text", text=text, final=True, start_ms=0, duration_ms=400, source="speech", turn_id=3)
    committed = [e["item_id"] for e in client.events if e["type"] == "input_audio_buffer.committed"]
    assert client.last("conversation.item.deleted")["item_id"] == committed[0]
    assert client.connection.conversation.messages() == [{"role": "user", "content": "what time is it"}]


def test_what_was_not_heard_does_not_return_when_the_history_is_rewritten():
    client = Client()
    client.turn()
    client.reply("Half past four, I think.")
    client.sound_out()
    client.take(client.connection.on_cut(1))
    client.hear(type="heard", turn_id=1, heard_text="Half past", unheard_text="four, I think.", interrupted=True)
    client.send(type="conversation.item.create", item={**TYPED, "role": "system"})
    said = [m["content"] for m in client.asked[-1]["messages"] if m["role"] == "assistant"]
    assert said == ["Half past"]


def test_a_truncation_after_a_rewritten_history_reaches_it():
    client = Client()
    client.turn()
    client.reply("One two three four.")
    client.sound_out(ms=400)
    words = [
        {"word": w, "start_ms": 100 * i, "duration_ms": 100} for i, w in enumerate(("One", "two", "three", "four."))
    ]
    client.hear(type="words", request_id="r1", words=words)
    client.hear(type="audio_end", request_id="r1", reason="finished", total_ms=400)
    client.send(type="conversation.item.create", item={**TYPED, "role": "system"})
    item = client.last("response.done")["response"]["output"][0]["id"]
    client.send(type="conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=210)
    assert [m["content"] for m in client.asked[-1]["messages"] if m["role"] == "assistant"] == ["One two"]


def test_a_truncated_chinese_reply_keeps_its_own_spelling():
    client = Client()
    client.turn()
    client.reply("现在是四点半。")
    client.sound_out(ms=600)
    words = [{"word": w, "start_ms": 200 * i, "duration_ms": 200} for i, w in enumerate(("现在", "是", "四点半"))]
    client.hear(type="words", request_id="r1", words=words)
    item = client.last("response.output_item.added")["item"]["id"]
    client.send(type="conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=400)
    client.send(type="conversation.item.retrieve", item_id=item)
    assert client.last("conversation.item.retrieved")["item"]["content"][0]["transcript"] == "现在是"


def test_a_typed_item_waits_for_the_response_in_progress():
    client = Client()
    client.turn()
    client.reply()
    client.sound_out()
    client.send(type="conversation.item.create", item=TYPED)
    assert client.types()[-1] == "conversation.item.done" and not asked(client, "text")
    client.hear(type="audio_end", request_id="r1", reason="finished", total_ms=100)
    assert [e["text"] for e in asked(client, "text")] == ["hello"]


def test_cancelling_an_answer_that_has_not_begun():
    client = Client()
    client.turn()
    client.hear(type="state", state="thinking")
    client.send(type="response.cancel")
    assert client.types()[-2:] == ["response.created", "response.done"]
    assert client.last("response.done")["response"]["status_details"]["reason"] == "client_cancelled"
    assert asked(client, "cancel_response")


CALLS = ({"call_id": "c1", "more": True}, {"call_id": "c2", "more": False})


def output(call_id: str) -> dict:
    return {"type": "function_call_output", "call_id": call_id, "output": "sunny"}


def asks_for_two_functions() -> Client:
    client = Client()
    client.turn()
    for call in CALLS:
        client.hear(type="tool", state="asked", name="w", arguments={}, request_id="r1", generation=1, **call)
    return client


def test_functions_that_are_asked_for_together_are_one_response():
    client = asks_for_two_functions()
    done = [e["response"] for e in client.events if e["type"] == "response.done"]
    assert [[item["call_id"] for item in response["output"]] for response in done] == [["c1", "c2"]]


def test_an_output_that_comes_after_the_next_response_was_asked_for_is_not_lost():
    client = asks_for_two_functions()
    client.send(type="conversation.item.create", item=output("c1"))
    client.send(type="response.create")
    client.send(type="conversation.item.create", item=output("c2"))
    assert [e["call_id"] for e in asked(client, "tool_result")] == ["c1", "c2"]
    assert not asked(client, "create_response"), "the reply goes on by itself when it has everything"


def test_outputs_for_a_reply_that_was_interrupted_are_answered_anew():
    client = asks_for_two_functions()
    client.take(client.connection.on_cut(1, "r1"))
    for call in CALLS:
        client.send(type="conversation.item.create", item=output(call["call_id"]))
    client.send(type="response.create")
    assert [e["type"] for e in client.asked[-3:]] == ["tool_result", "tool_result", "create_response"]


def test_a_deleted_question_may_still_be_transcribed():
    client = Client()
    client.send(type="session.update", session={"audio": {"input": {"turn_detection": None}}})
    client.speak(500)
    client.send(type="input_audio_buffer.commit")
    client.send(type="conversation.item.delete", item_id=client.last("input_audio_buffer.committed")["item_id"])
    client.hear(type="user_text", text="hi", final=True, start_ms=0, duration_ms=400, source="speech")
    assert client.types()[-1] == "conversation.item.deleted"


@pytest.mark.parametrize(
    "session",
    [
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": "x"}}}},
        {"audio": {"input": {"turn_detection": {"type": []}}}},
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": []}}}},
        {"audio": {"input": {"transcription": "whisper"}}},
        {"audio": {"input": "format"}},
        {"audio": {"output": {"voice": {"id": 5}}}},
        {"tools": [{"type": "function", "name": "f", "parameters": "x"}]},
        {"tools": [{"type": "function", "name": "f", "parameters": {"properties": {"a": 5}}}]},
        {"max_output_tokens": 0},
        {"tool_choice": 5},
    ],
)
def test_a_wrong_setting_is_refused_and_nothing_changes(session):
    client = Client()
    client.send(type="session.update", session=session)
    assert client.types()[-1] == "error" and client.events[-1]["error"]["code"] == "invalid_value"
    client.turn()


def test_what_means_nothing_to_us_can_be_read_back():
    client = Client()
    ours = {"parallel_tool_calls": False, "include": ["item.input_audio_transcription.logprobs"], "prompt": {"id": "p"}}
    client.send(type="session.update", session=ours)
    told = client.last("session.updated")["session"]
    assert {key: told[key] for key in ours} == ours


def test_written_sessions_ask_for_no_speech_and_can_change_back():
    client = Client()
    client.send(type="session.update", session={"instructions": "x"})
    assert "output" not in client.asked[-1]
    client.send(type="session.update", session={"output_modalities": ["text"]})
    assert client.asked[-1]["output"] == "text"
    client.send(type="session.update", session={"output_modalities": ["audio"]})
    assert client.asked[-1]["output"] == "speech"


def test_what_the_graph_set_for_itself_stays_until_the_client_names_it():
    client = Client()
    client.send(type="session.update", session={"audio": {"output": {"voice": "alloy"}}})
    assert not {"instructions", "voice", "rate"} & set(client.asked[-1])
    named = {"instructions": "", "audio": {"output": {"voice": "zf_xiaobei", "speed": 1.0}}}
    client.send(type="session.update", session=named)
    told = client.asked[-1]
    assert (told["instructions"], told["voice"], told["rate"]) == ("", "zf_xiaobei", 1.0)


def test_a_rich_schema_is_handed_on_whole_and_a_plain_one_as_parameters():
    plain = {"type": "object", "properties": {"n": {"type": "string", "enum": ["a"]}}, "required": ["n"]}
    assert as_tool({"name": "f", "parameters": plain})["parameters"] == [
        {"name": "n", "type": "string", "enum": ["a"], "description": "", "required": True}
    ]
    rich = {"type": "object", "properties": {"n": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
    assert as_tool({"name": "f", "parameters": rich})["parameters"] == rich


def test_beta_clients_see_their_names_inside_responses_too():
    client = Client(beta=True)
    from stream_talk.wire.realtime.dialect import event_to_beta

    client.turn()
    client.reply()
    client.hear(type="audio_end", request_id="r1", reason="finished", total_ms=0)
    done = event_to_beta(client.last("response.done"))
    assert done is not None
    assert done["response"]["output"][0]["content"][0]["type"] == "audio"
    assert done["response"]["modalities"] == ["text", "audio"] and "output_modalities" not in done["response"]
