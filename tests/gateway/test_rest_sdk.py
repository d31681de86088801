"""The stock OpenAI SDK against the REST endpoints."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from ten_packages.extension.gateway_python import audio_files

from .conftest import Server

openai = pytest.importorskip("openai")


def sdk(server: Server) -> Any:
    return openai.AsyncOpenAI(api_key="unused", base_url=f"{server.http}/v1", max_retries=0)


def wav(ms: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(16 * ms, dtype=np.int16), 16_000, format="WAV")
    return buffer.getvalue()


def decoded_seconds(content: bytes) -> float:
    """By a player that reads streams, which do not know their length beforehand."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is not installed")
    command = [program, "-v", "error", "-i", "pipe:0", "-f", "s16le", "-ac", "1", "-ar", "16000", "pipe:1"]
    return len(subprocess.run(command, input=content, capture_output=True, check=True).stdout) / 32_000


def test_speech_streams_pcm_and_makes_files_that_open(with_server):
    async def scenario(server: Server) -> None:
        client = sdk(server)
        text = "ten chars."
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=text, response_format="pcm"
        ) as answer:
            pcm = b"".join([piece async for piece in answer.iter_bytes()])
        assert len(pcm) == 24_000 * 2 * 200 // 1000
        for kind in ("mp3", "opus", "flac", "aac"):
            made = await client.audio.speech.create(model="tts-1", voice="alloy", input=text * 5, response_format=kind)
            seconds = decoded_seconds(made.content)
            assert abs(seconds - 1.0) < 0.12, kind
        wave = (
            await client.audio.speech.create(model="tts-1", voice="alloy", input=text, response_format="wav")
        ).content
        assert (wave[:4], wave[8:16], len(wave) - 44) == (b"RIFF", b"WAVEfmt ", 24_000 * 2 * 200 // 1000)
        assert all(stage.stopped for stage in server.host.stages)

    with_server(scenario)


def test_speech_errors_are_errors_of_the_api(with_server, monkeypatch):
    monkeypatch.setattr(audio_files.shutil, "which", lambda _name: None)

    async def scenario(server: Server) -> None:
        client = sdk(server)
        with pytest.raises(openai.BadRequestError, match="cannot make aac"):
            await client.audio.speech.create(model="tts-1", voice="alloy", input="hello", response_format="aac")
        with pytest.raises(openai.InternalServerError, match="the voice is broken"):
            await client.audio.speech.create(model="tts-1", voice="alloy", input="fail", response_format="pcm")

    with_server(scenario)


def test_only_so_many_voices_speak_at_once_and_the_others_are_told_when_to_come_back(with_server):
    async def scenario(server: Server) -> None:
        client = sdk(server)
        ask = {"model": "m", "voice": "alloy", "response_format": "pcm"}
        for _ in range(4):
            await client.audio.speech.create(input="one after the other", **ask)
        server.gateway.stages.taken = 2
        with pytest.raises(openai.InternalServerError, match="places for single requests") as full:
            await client.audio.speech.create(input="one too many", **ask)
        assert full.value.status_code == 503 and int(full.value.response.headers["retry-after"]) >= 1
        with pytest.raises(openai.InternalServerError, match="places for single requests"):
            await client.audio.transcriptions.create(model="m", file=("a.wav", wav(100)))
        server.gateway.stages.taken = 0
        await client.audio.speech.create(input="and again", **ask)
        with pytest.raises(openai.InternalServerError, match="broken"):
            await client.audio.speech.create(input="fail", **ask)
        assert server.gateway.stages.taken == 0, "a place is given back, whatever happens"

    admission = {"max_single_requests": 2, "max_loop_lag_ms": 60_000, "max_queue_ms": 600_000}
    with_server(scenario, admission=admission)


def test_speech_as_server_sent_events(with_server):
    async def scenario(server: Server) -> None:
        body = {"model": "m", "input": "hello", "voice": "alloy", "response_format": "pcm", "stream_format": "sse"}
        async with httpx.AsyncClient(base_url=server.http) as http:
            text = (await http.post("/v1/audio/speech", json=body)).text
        assert '"type": "speech.audio.delta"' in text and text.rstrip().splitlines()[-1].startswith(
            'data: {"type": "speech.audio.done"'
        )

    with_server(scenario)


def test_transcriptions_in_every_shape(with_server):
    async def scenario(server: Server) -> None:
        client = sdk(server)
        ask = client.audio.transcriptions.create
        plain = await ask(model="whisper-1", file=("a.wav", wav(2_000)))
        assert plain.text == "heard 2000"
        verbose = await ask(model="whisper-1", file=("a.wav", wav(2_000)), response_format="verbose_json")
        assert verbose.duration == pytest.approx(2.0) and verbose.segments[0].end == 2.0
        srt = await ask(model="whisper-1", file=("a.wav", wav(2_000)), response_format="srt")
        assert srt == "1\n00:00:00,000 --> 00:00:02,000\nheard 2000\n\n"
        stream = await ask(model="whisper-1", file=("a.wav", wav(3_000)), stream=True)
        seen = [event async for event in stream]
        assert seen[-1].type == "transcript.text.done" and seen[-1].text == "heard 3000"
        assert "".join(e.delta for e in seen if e.type == "transcript.text.delta").startswith("heard")
        with pytest.raises(openai.BadRequestError, match="unsupported audio"):
            await ask(model="whisper-1", file=("a.wav", b"this is no sound"))

    with_server(scenario)


def test_models_are_graphs_and_voices_are_listed(with_server):
    async def scenario(server: Server) -> None:
        client = sdk(server)
        names = [model.id async for model in client.models.list()]
        assert names == ["embedded", "other"]
        assert (await client.models.retrieve("other")).id == "other"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("no/such")
        async with httpx.AsyncClient(base_url=server.http) as http:
            assert (await http.get("/v1/voices")).json()["data"][0]["name"] == "one"

    with_server(scenario)
