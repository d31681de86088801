"""What every LLM extension must do: TEN's chat_completion stream, abort, errors with words, ttft and ttfs.

class TestConformance(LlmConformance):
    addon = "rules_llm_python"
    properties = {}
    failing_properties = {"params": {"base_url": "http://127.0.0.1:9"}}
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from stream_talk.ten import names
from stream_talk.testing.stage import Answer, Record, Stage, drive, drive_side_by_side


class LlmConformance:
    addon: ClassVar[str]
    properties: ClassVar[dict[str, Any]]
    failing_properties: ClassVar[dict[str, Any] | None] = None
    slow_properties: ClassVar[dict[str, Any] | None] = None  # a reply that takes at least a second, for abort
    question: ClassVar[str] = "Hello, how are you?"
    abort_limit_ms: ClassVar[float] = 500.0

    # --- helpers ----------------------------------------------------------------------------------------------------

    def drive(self, script: Any, **changes: Any) -> Record:
        return drive(self.addon, {**self.properties, **changes}, script)

    def request(self, request_id: str, text: str | None = None, **fields: Any) -> dict[str, Any]:
        return {
            "request_id": request_id,
            "messages": [{"role": "user", "content": text or self.question}],
            "streaming": True,
            "tools": [],
            "parameters": {},
            **fields,
        }

    # --- TEN's interface --------------------------------------------------------------------------------------------

    def test_reply_is_a_stream_of_deltas_then_a_done_then_an_empty_final(self) -> None:
        answers: list[Answer] = []

        async def script(stage: Stage) -> None:
            answers.extend(await stage.stream_cmd(names.CHAT_COMPLETION, self.request("r1")))

        self.drive(script)
        assert all(not a.final and a.ok for a in answers[:-1])
        assert answers[-1].final and answers[-1].ok and not answers[-1].body.get("type")
        kinds = [a.body["type"] for a in answers[:-1] if a.body["type"].startswith("message_content")]
        assert kinds[-1] == "message_content_done" and set(kinds[:-1]) == {"message_content_delta"}
        deltas = [a.body for a in answers[:-1] if a.body["type"] == "message_content_delta"]
        text = ""
        for body in deltas:
            text += body["delta"]
            assert body["content"] == text
            assert body["role"] == "assistant" and body["response_id"]
        done = [a.body for a in answers[:-1] if a.body["type"] == "message_content_done"]
        assert done[0]["content"] == text and text.strip()

    def test_first_token_and_first_sentence_are_measured(self) -> None:
        async def script(stage: Stage) -> None:
            await stage.stream_cmd(names.CHAT_COMPLETION, self.request("r1"))
            await stage.wait_data(names.METRICS, lambda b: "ttft" in b["metrics"])

        record = self.drive(script)
        reported = [e.body for e in record.data(names.METRICS)]
        assert all(b["module"] == "llm" and b["vendor"] for b in reported)
        assert all(b["id"] == "r1" for b in reported if "ttft" in b["metrics"] or "ttfs" in b["metrics"])

    def test_a_running_request_id_is_refused(self) -> None:
        if self.slow_properties is None:
            pytest.skip("no slow configuration given")

        async def script(stage: Stage) -> None:
            first = asyncio.ensure_future(stage.stream_cmd(names.CHAT_COMPLETION, self.request("same")))
            await stage.quiet_for(50)
            refused = await stage.send_cmd(names.CHAT_COMPLETION, self.request("same"))
            assert not refused.ok and refused.body["error"] == "request_id_already_running"
            await stage.send_cmd(names.ABORT, {"request_id": "same"})
            await first

        drive(self.addon, self.slow_properties, script)

    @pytest.mark.parametrize("which", ["mine", ""])
    def test_abort_ends_the_stream_with_ok(self, which: str) -> None:
        if self.slow_properties is None:
            pytest.skip("no slow configuration given")

        async def script(stage: Stage) -> None:
            started = asyncio.Event()
            running = asyncio.ensure_future(
                stage.stream_cmd(names.CHAT_COMPLETION, self.request("mine"), lambda _: started.set())
            )
            await asyncio.wait_for(started.wait(), 20)
            assert (await stage.send_cmd(names.ABORT, {"request_id": which})).ok
            answers = await asyncio.wait_for(running, self.abort_limit_ms / 1000.0)
            assert answers[-1].final and answers[-1].ok
            assert all(a.body["type"] != "message_content_done" for a in answers[:-1])

        drive(self.addon, self.slow_properties, script)

    def test_abort_of_an_unknown_request_is_ok(self) -> None:
        async def script(stage: Stage) -> None:
            assert (await stage.send_cmd(names.ABORT, {"request_id": "never heard of"})).ok
            assert (await stage.send_cmd("no_such_command")).ok

        self.drive(script)

    def test_a_failure_ends_in_an_error_with_words(self) -> None:
        if self.failing_properties is None:
            pytest.skip("no failing configuration given")

        async def script(stage: Stage) -> None:
            answer = await stage.send_cmd(names.CHAT_COMPLETION, self.request("r1"))
            assert answer.final and not answer.ok
            assert answer.body["message"] and answer.body["request_id"] == "r1"

        record = drive(self.addon, self.failing_properties, script)
        assert all(e.body["module"] == "llm" for e in record.data(names.ERROR))

    # --- ours -------------------------------------------------------------------------------------------------------

    def test_history_may_hold_anything_that_ten_allows(self) -> None:
        history = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What time is it?"}]},
            {
                "type": "function_call",
                "id": "1",
                "call_id": "c1",
                "name": "clock",
                "arguments": '{"zone": "UTC"}',
                "role": "assistant",
            },
            {"type": "function_call_output", "call_id": "c1", "output": "12:00", "role": "tool"},
            {"role": "assistant", "content": "It is noon."},
            {"role": "user", "content": "谢谢"},
        ]

        async def script(stage: Stage) -> None:
            answers = await stage.stream_cmd(names.CHAT_COMPLETION, self.request("h", messages=history))
            assert answers[-1].ok

        self.drive(script)

    def test_one_request_after_another(self) -> None:
        async def script(stage: Stage) -> None:
            for i in range(5):
                answers = await stage.stream_cmd(names.CHAT_COMPLETION, self.request(f"r{i}"))
                assert answers[-1].ok and len(answers) > 1

        self.drive(script)

    def test_two_sessions_do_not_mix(self) -> None:
        def script_of(session: str) -> Any:
            async def script(stage: Stage) -> None:
                answers = await stage.stream_cmd(names.CHAT_COMPLETION, self.request(session))
                assert answers[-1].ok
                assert {a.body["response_id"] for a in answers[:-1]} == {answers[0].body["response_id"]}

            return script

        drive_side_by_side(self.addon, self.properties, [script_of("a"), script_of("b")])
