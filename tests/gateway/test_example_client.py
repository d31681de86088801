"""The example of docs/examples, as somebody would run it who has only read docs/protocols.md."""

from __future__ import annotations

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np

from ten_packages.extension.gateway_python.testing import tone

from .conftest import Server, until

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "talk_client.py"


async def start(server: Server, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), *arguments, "--url", f"{server.url}/v1/talk",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> str:
    out, problems = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, problems.decode()[-2_000:]
    return out.decode()


def samples(file: Path) -> bytes:
    with wave.open(str(file)) as sound:
        return sound.readframes(sound.getnframes())


def test_a_typed_question_is_answered_and_the_reply_kept(with_server, tmp_path):
    async def scenario(server: Server) -> None:
        reply = tmp_path / "reply.wav"
        said = await ended(await start(server, "700", "--output", str(reply)))
        assert said.splitlines() == ["you: 700", "it:  You said 700."]
        assert samples(reply) == tone(700).tobytes()
        reports = server.host.graphs[-1].reports if server.host.graphs else []
        assert not reports or reports[-1]["state"] == "finished"

    with_server(scenario)


def test_a_recorded_question_is_sent_as_a_microphone_would(with_server, tmp_path):
    question = tmp_path / "question.wav"
    pcm = (np.arange(8_000) % 300).astype("<i2")
    with wave.open(str(question), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm.tobytes())

    async def scenario(server: Server) -> None:
        reply = tmp_path / "reply.wav"
        process = await start(server, str(question), "--output", str(reply))
        await until(lambda: bool(server.host.graphs) and len(server.host.graphs[-1].sound) > 30, 20)
        graph = server.host.graphs[-1]
        heard = b"".join(sound for _, sound in graph.sound)
        assert heard[: 2 * len(pcm)] == pcm.tobytes() and not any(heard[2 * len(pcm) :]), "and then silence"
        assert [at for at, _ in graph.sound][:30] == [20 * n for n in range(30)]
        graph.answer("300")
        await ended(process)
        assert samples(reply) == tone(300).tobytes()

    with_server(scenario)
