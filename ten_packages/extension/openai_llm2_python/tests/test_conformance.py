"""The stage in front of a server that works, one that is slow, and none at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from stream_talk.ten import names
from stream_talk.testing.conformance_llm import LlmConformance
from stream_talk.testing.openai_server import OpenAiServer, Reply
from stream_talk.testing.stage import Stage, drive


@pytest.fixture(scope="class")
def servers(request: pytest.FixtureRequest) -> Iterator[None]:
    with OpenAiServer() as quick, OpenAiServer(Reply(tokens=["word "] * 500, token_delay_ms=20)) as slow:
        request.cls.slow_server = slow
        request.cls.properties = {"params": {"preset": "custom", "base_url": quick.base_url}}
        request.cls.slow_properties = {"params": {"preset": "custom", "base_url": slow.base_url}}
        yield


@pytest.mark.usefixtures("servers")
class TestConformance(LlmConformance):
    addon = "openai_llm2_python"
    properties = {}
    slow_properties = {}
    failing_properties = {"params": {"preset": "lmstudio", "base_url": "http://127.0.0.1:9/v1", "model": "any"}}
    slow_server: OpenAiServer

    def test_abort_reaches_the_server(self) -> None:
        async def script(stage: Stage) -> None:
            started = asyncio.Event()
            running = asyncio.ensure_future(
                stage.stream_cmd(names.CHAT_COMPLETION, self.request("r"), lambda _: started.set())
            )
            await asyncio.wait_for(started.wait(), 10)
            await stage.send_cmd(names.ABORT, {"request_id": "r"})
            await running

        drive(self.addon, self.slow_properties, script)
        assert self.slow_server.chats[-1].cancelled.wait(5.0)
        assert self.slow_server.chats[-1].tokens_sent < 400

    def test_wrong_properties_are_named(self) -> None:
        async def script(stage: Stage) -> None:
            await stage.wait_data(names.ERROR)

        record = drive(self.addon, {"params": {"preset": "custom"}}, script)
        error = record.data(names.ERROR)[0].body
        assert error["code"] == names.CODE_FATAL
        assert "base_url" in error["message"]
