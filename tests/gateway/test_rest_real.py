"""The stock SDK's REST calls against a whole server with the embedded engines: what one endpoint says, the other understands."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest
import soundfile

from bench import recorded_speech
from bench.gateway_load.server import ROOT, GatewayProcess

openai = pytest.importorskip("openai")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.speech,
    pytest.mark.skipif(recorded_speech.missing() is not None, reason=str(recorded_speech.missing())),
]
ADMISSION = {"max_loop_lag_ms": 10_000, "max_queue_ms": 100_000}


@pytest.fixture(scope="module")
def server() -> Iterator[GatewayProcess]:
    with GatewayProcess("embedded", graphs_from=ROOT / "graphs", admission=ADMISSION, warm_up=True) as process:
        yield process


def sdk(server: GatewayProcess) -> Any:
    return openai.AsyncOpenAI(api_key="unused", base_url=f"http://127.0.0.1:{server.port}/v1", max_retries=0)


def question() -> tuple[str, bytes]:
    buffer = io.BytesIO()
    soundfile.write(buffer, recorded_speech.pcm(recorded_speech.by_name("please-try-again")), 16_000, format="WAV")
    return "question.wav", buffer.getvalue()


def test_a_recording_is_transcribed_in_every_shape(server):
    async def scenario() -> None:
        ask = sdk(server).audio.transcriptions.create
        plain = await ask(model="whisper-1", file=question())
        assert plain.text == "please try again" and plain.usage.seconds == pytest.approx(1.25, abs=0.05)
        assert (await ask(model="whisper-1", file=question(), response_format="text")).strip() == "please try again"
        verbose = await ask(model="whisper-1", file=question(), response_format="verbose_json", language="en")
        assert verbose.segments[0].text == "please try again" and verbose.segments[0].end < verbose.duration < 1.3
        for kind, mark in (("srt", "00:00:00,"), ("vtt", "WEBVTT")):
            assert mark in await ask(model="whisper-1", file=question(), response_format=kind)
        events = [event async for event in await ask(model="whisper-1", file=question(), stream=True)]
        assert "".join(e.delta for e in events[:-1]) == events[-1].text == "please try again"

    asyncio.run(scenario())


def test_speech_that_was_made_here_is_sound_at_the_rate_it_says(server):
    async def scenario() -> None:
        make = sdk(server).audio.speech.create
        text = "Hello there. How are you today?"
        lengths = {}
        for speed in (1.0, 2.0):
            pcm = (await make(model="tts-1", voice="alloy", input=text, response_format="pcm", speed=speed)).content
            lengths[speed] = len(pcm) / 48_000
        assert 1.0 < lengths[1.0] < 4.0 and lengths[2.0] < 0.75 * lengths[1.0]

    asyncio.run(scenario())
