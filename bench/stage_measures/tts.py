"""espeak-ng: time to the first sound, cost, and how promptly it stops; alone, and in its worker process."""

from __future__ import annotations

import asyncio
import time

from stream_talk.engines.host import Deadline, EngineHost, EngineSpec, HostSettings
from stream_talk.engines.interfaces import SpeechRequest

from bench.stage_measures.common import Never, Row, spread, stage_module, trimmed_prompts

EspeakEngine = stage_module("espeak_tts_python").EspeakEngine

_LONG = "This sentence goes on and on, because somebody will cut it off. " * 30


class _Token:
    cancelled = False


def measure(count: int) -> list[Row]:
    texts = [prompt.text for prompt, _ in trimmed_prompts(count)]
    return [_inline(texts), asyncio.run(_worker(texts))]


def _inline(texts: list[str]) -> Row:
    engine = EspeakEngine(voice="en-us")
    engine.load()
    engine.warm_up()
    first, cancels = [], []
    audio_s = cpu_s = 0.0
    for text in texts:
        began, cpu_began = time.perf_counter(), time.process_time()
        samples = 0
        for chunk in engine.speak(SpeechRequest(text), Never()):
            if not samples:
                first.append((time.perf_counter() - began) * 1000)
            samples += len(chunk.pcm)
        cpu_s += time.process_time() - cpu_began
        audio_s += samples / engine.sample_rate_hz
    for _ in range(50):
        token = _Token()
        stream = engine.speak(SpeechRequest(_LONG), token)
        next(stream)
        token.cancelled = True
        began = time.perf_counter()
        stream.close()
        cancels.append((time.perf_counter() - began) * 1000)
    return {
        "engine": "espeak-ng, in this process",
        "texts": len(texts),
        **spread(first, "first_chunk_ms", 2),
        **spread(cancels, "cancel_ms", 2),
        "cpu_s_per_audio_s": round(cpu_s / audio_s, 5),
    }


async def _worker(texts: list[str]) -> Row:
    host = EngineHost(EngineSpec.of(EspeakEngine, {"voice": "en-us"}), HostSettings(placement="process"))
    began = time.perf_counter()
    await host.load()
    load_ms = (time.perf_counter() - began) * 1000
    first, cancels = [], []
    for text in texts:
        began = time.perf_counter()
        stream = host.stream("speak", SpeechRequest(text), deadline=Deadline.FIRST_CHUNK)
        async for _ in stream:
            first.append((time.perf_counter() - began) * 1000)
            break
        await stream.aclose()
    for _ in range(50):
        stream = host.stream("speak", SpeechRequest(_LONG), deadline=Deadline.FIRST_CHUNK)
        await stream.__anext__()
        began = time.perf_counter()
        await stream.aclose()
        cancels.append((time.perf_counter() - began) * 1000)
    host.close()
    return {
        "engine": "espeak-ng, in its worker",
        "texts": len(texts),
        **spread(first, "first_chunk_ms", 2),
        **spread(cancels, "cancel_ms", 2),
        "load_ms": round(load_ms),
    }
