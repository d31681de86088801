"""The dialog engine with the embedded engines, and with a model that never answers."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from stream_talk.testing.openai_server import OpenAiServer, Reply

from bench.gateway_load.server import ROOT, GatewayProcess

from .test_dialog import events

pytestmark = pytest.mark.slow
ADMISSION = {"max_loop_lag_ms": 10_000, "max_queue_ms": 100_000}


def test_typed_text_is_remembered_and_the_mouth_moves_to_the_end_of_the_speech():
    session = str(uuid.uuid4())

    async def ask(http: httpx.AsyncClient, text: str) -> list[tuple[str, dict[str, Any]]]:
        return events((await http.post("/chat/stream", json={"sessionId": session, "content": text})).text)

    async def scenario(server: GatewayProcess) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http:
            got = await ask(http, "my name is Ann")
            names = [name for name, _ in got]
            assert names[-1] == "done" and ("control", {"action": "HINT_TTS_START"}) in got
            visemes = [data for name, data in got if name == "viseme"]
            starts = [v["startMs"] for v in visemes]
            assert len(visemes) > 8 and starts == sorted(starts)
            speech = {"model": "embedded", "voice": "", "response_format": "pcm",
                      "input": "".join(data["content"] for name, data in got if name == "text-delta")}  # fmt: skip
            spoken_ms = len((await http.post("/v1/audio/speech", json=speech)).content) / 48
            assert abs(visemes[-1]["startMs"] + visemes[-1]["durMs"] - spoken_ms) < 250, "but for the pause at the end"
            answer = await ask(http, "what is my name")
            assert "Ann" in "".join(data.get("content", "") for _, data in answer)

    with GatewayProcess("embedded", graphs_from=ROOT / "graphs", admission=ADMISSION) as server:
        asyncio.run(scenario(server))


def test_the_model_stops_when_its_client_hangs_up(tmp_path: Path):
    with OpenAiServer(Reply(first_token_delay_ms=60_000)) as model:
        params = {"preset": "custom", "base_url": model.base_url, "model": "tiny"}
        llm = {"name": "llm", "type": "extension", "addon": "openai_llm2_python", "extension_group": "llm"}
        graph = {
            "extends": str(ROOT / "graphs" / "text-only.json"),
            "stream_talk": {"title": {"en": "t", "zh": "t"}, "description": {"en": "t", "zh": "t"}},
            "nodes": [{**llm, "property": {"params": params}}],
        }
        (tmp_path / "stalled.json").write_text(json.dumps(graph))

        async def scenario(server: GatewayProcess) -> None:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http:
                asking = asyncio.create_task(http.post("/chat/stream", json={"sessionId": "x", "content": "hello"}))
                await asyncio.to_thread(model.chat_arrived.wait, 30)
                left_ms = time.monotonic() * 1000
                asking.cancel()
                assert await asyncio.to_thread(model.chats[-1].cancelled.wait, 10)
                assert time.monotonic() * 1000 - left_ms < 100

        with GatewayProcess("stalled", graphs_from=tmp_path, admission=ADMISSION) as server:
            asyncio.run(scenario(server))
