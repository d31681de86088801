"""Stock JavaScript clients against `/v1/realtime`: the `openai` package, and agents-realtime, which validates every event strictly."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import Server

JS = Path(__file__).resolve().parent.parent / "js"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (JS / "node_modules").is_dir(),
    reason="needs Node.js and `npm install` in tests/js (scripts/test does it)",
)


async def run(script: str, argument: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        "node", script, argument, cwd=JS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_TLS_REJECT_UNAUTHORIZED": "0"},
    )  # fmt: skip
    out, problems = await asyncio.wait_for(process.communicate(), 50)
    assert process.returncode == 0, problems.decode()[-2_000:]
    return json.loads(out.decode().strip().splitlines()[-1])


def test_the_openai_package_converses(with_server):
    async def scenario(server: Server) -> None:
        # This package speaks wss only, whatever its base URL says.
        result = await run("openai_realtime.mjs", f"https://127.0.0.1:{server.web.port}")
        assert result["status"] == "completed"
        assert result["transcript"] == "You said 400."
        assert abs(result["soundBytes"] / 48 - 400) <= 40
        assert result["seen"][0] == "session.created"

    with_server(scenario, tls_self_signed=True)


def test_an_agents_session_converses_and_interrupts(with_server):
    async def scenario(server: Server) -> None:
        result = await run("agents_realtime.mjs", server.url)
        assert result["problems"] == []
        assert abs(result["firstBytes"] / 48 - 400) <= 40
        assert result["said"][:1] == ["You said 400."]
        assert result["roles"][:2] == ["user", "assistant"]
        assert result["quietAfterInterrupt"]
        told = [event["type"] for event in server.host.graphs[-1].client_events]
        assert "truncate" in told, "what was not heard is cut from history"

    with_server(scenario)
