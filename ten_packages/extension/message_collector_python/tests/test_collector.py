"""Messages pass on whole; transcripts gain TEN's own fields."""

from stream_talk.graph import find_graph
from stream_talk.testing.stage import Stage, drive
from stream_talk_cli.launch import prepare_imports

prepare_imports(find_graph("embedded"))


def collected(body: dict) -> dict:
    async def script(stage: Stage) -> None:
        await stage.send_data("message", body)
        await stage.wait_data("message")

    record = drive("message_collector_python", {"stream_id": 7}, script, virtual=True)
    return next(event.body for event in record.events if event.name == "message")


def test_a_transcript_carries_the_fields_of_tens_collectors():
    sent = {"type": "user_text", "session_id": "s", "turn_id": 3, "ts_ms": 5, "text": "你好 <img>", "final": True}
    got = collected(sent)
    assert {**got, **sent} == got
    assert (got["data_type"], got["role"], got["is_final"], got["stream_id"]) == ("transcribe", "user", True, 7)
    assert got["text_ts"] > 1_600_000_000_000


def test_the_assistants_words_have_their_role():
    assert collected({"type": "assistant_text", "text": "hi", "final": False})["role"] == "assistant"


def test_anything_else_is_passed_on_untouched_whatever_its_size():
    sent = {"type": "turn", "trace": {"spans": [{"name": "x" * 5000}]}}
    assert collected(sent) == sent
