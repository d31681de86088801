from __future__ import annotations

from collections.abc import Iterator

import pytest
from stream_talk.testing.conformance_llm import LlmConformance
from stream_talk.testing.lmstudio_server import LmStudioServer
from stream_talk.testing.openai_server import Reply

pytest.importorskip("lmstudio", reason="needs the extra lmstudio")


@pytest.fixture(scope="class")
def servers(request: pytest.FixtureRequest) -> Iterator[None]:
    slow_reply = Reply(tokens=["word "] * 500, token_delay_ms=20)
    with LmStudioServer(loaded=["tiny"]) as quick, LmStudioServer(slow_reply, loaded=["tiny"]) as slow:
        request.cls.properties = {"params": {"host": quick.host}}
        request.cls.slow_properties = {"params": {"host": slow.host}}
        yield
        assert all(prediction.cancelled.is_set() for prediction in slow.predictions), (
            "an abort did not reach the server"
        )


@pytest.mark.usefixtures("servers")
class TestConformance(LlmConformance):
    addon = "lmstudio_llm2_python"
    properties = {}
    slow_properties = {}
    failing_properties = {"params": {"host": "127.0.0.1:9", "model": "any"}}
