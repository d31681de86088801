"""A voice whose worker is killed just before a reply: how long until its first sound, from a second engine or from the restarted one."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

TEXT = "One two three four five six seven."


async def measure(second: bool, repeats: int) -> list[float]:
    """ms from the kill to the first chunk. Both engines are espeak-ng in workers; loaded before, as in a conversation."""
    from stream_talk.engines.fallback import FallbackChain, Link
    from stream_talk.engines.host import EngineHost, EngineSpec, HostSettings
    from stream_talk.engines.interfaces import SpeechRequest
    from stream_talk.engines.speaking import ClauseSpeech
    from stream_talk.graph import app_home

    file = app_home() / "ten_packages" / "extension" / "espeak_tts_python" / "engine.py"
    waits: list[float] = []
    for _ in range(repeats):
        names = ("first", "second") if second else ("first",)
        hosts = [
            EngineHost(EngineSpec.at(file, "EspeakEngine", {"voice": "en-us"}), HostSettings("process")) for _ in names
        ]
        for host in hosts:
            await host.load()
        links: list[Any] = [Link(name, host, 700.0, available=True) for name, host in zip(names, hosts, strict=True)]
        chain = FallbackChain(links, lambda _text: None)
        backend: Any = hosts[0]._backend
        os.kill(backend.pid, signal.SIGKILL)
        killed = time.perf_counter()
        async for _chunk, _rate in ClauseSpeech(chain, SpeechRequest(TEXT), 8000.0, lambda: 0.0).chunks():
            waits.append((time.perf_counter() - killed) * 1000)
            break
        for host in hosts:
            host.close()
    return waits
