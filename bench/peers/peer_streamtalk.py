"""Stream-Talk as a peer of a side-by-side harness: its stub engines as engines of our own extensions, in real session graphs.

Copy this file beside the harness's `bench.py`, and run that with the project's environment:

    STREAM_TALK_HOME=/path/to/stream-talk python bench.py --peer streamtalk --scenario turns --profile matched --engines zero

The harness gives `make_session(engines, sink, profile)`: `engines` are deterministic stand-ins for transcription, language model and
voice, `sink.on_audio` is called when 20 ms leave for the listener.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

HOME = Path(os.environ.get("STREAM_TALK_HOME", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(HOME))
os.environ.setdefault("TEN_APP_BASE_DIR", str(HOME))

import numpy as np  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from stream_talk.engines.interfaces import (  # noqa: E402
    CancelToken,
    LlmEvent,
    LlmRequest,
    SpeechChunk,
    SpeechRequest,
    TextDelta,
    Transcript,
    Wait,
)
from stream_talk.ten import AsrConfig, AsrExtension, LlmConfig, LlmExtension, TtsConfig, TtsExtension  # noqa: E402
from stream_talk.testing.stage import register_for_test  # noqa: E402
from stub_engines import TONE_FRAME, TRANSCRIPT, speech_frames  # type: ignore[import-not-found]  # noqa: E402

from bench.conversation.client import Session  # noqa: E402
from bench.conversation.graphs import MATCHED_TURNS, MATCHED_VAD, conversation_graph  # noqa: E402
from bench.conversation.runtime import BenchRuntime  # noqa: E402

PEER = "stream-talk"
PROFILES = {
    "matched": "silero 192/192 ms at 0.7, answer as soon as the VAD says that speech ended, cut at once when it begins",
    "matched_tenvad": "as matched, with ten-vad in the place of Silero",
    "matched_asked": "as matched, with the network asked about silence that nobody could hear too",
    "default": "silero, turn detection from words and voice, barge-in with duck, pause and decide",
    "default_tenvad": "as default, with ten-vad in the place of Silero",
}

_PCM = np.frombuffer(TONE_FRAME, np.int16)
_ENGINES: dict[str, Any] = {}  # the harness's engines by session, where the engine classes find theirs
_NUMBERS = itertools.count(1)
_runtime: BenchRuntime | None = None


def versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("stream-talk", "onnxruntime", "numpy", "pydantic")}


class _Stub:
    def __init__(self, session: str = "") -> None:
        self.engines = _ENGINES[session]

    def load(self) -> None:
        """Nothing to load."""

    def warm_up(self) -> None:
        """Nothing is slow."""

    def close(self) -> None:
        """Holds nothing."""


class StubAsr(_Stub):
    sample_rate_hz = 16000

    def __init__(self, session: str = "") -> None:
        super().__init__(session)
        self._bytes: dict[str, int] = {}

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None:
        self._bytes[segment_id] = 0

    def feed(self, segment_id: str, pcm: np.ndarray[Any, Any]) -> Iterable[Transcript]:
        self._bytes[segment_id] += 2 * len(pcm)
        return ()

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Any]:
        """What `transcribe` of the harness does, step by step: same marks, same schedule."""
        trace = self.engines.trace
        due_s = trace.mark("stt_call", self._bytes.pop(segment_id)) + self.engines.cfg.stt_delay_ms / 1000
        yield Wait((due_s - time.perf_counter()) * 1000)
        trace.mark("stt_done")
        yield Transcript(TRANSCRIPT, True)

    def drop(self, segment_id: str) -> None:
        self._bytes.pop(segment_id, None)


class StubTts(_Stub):
    sample_rate_hz = 16000

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[Any]:
        """What `speak` of the harness does, step by step: same marks, same schedule."""
        trace, config = self.engines.trace, self.engines.cfg
        due_s = trace.mark("tts_call", request.text) + config.tts_ttfb_ms / 1000
        for k in range(speech_frames(request.text, config)):
            yield Wait((due_s + k * config.tts_chunk_gap_ms / 1000 - time.perf_counter()) * 1000)
            if k == 0:
                trace.mark("tts_first")
            yield SpeechChunk(_PCM)
        trace.mark("tts_done")


class StubLlm:
    def __init__(self, session: str = "") -> None:
        self._engines = _ENGINES[session]

    async def load(self) -> None:
        """Nothing to load."""

    async def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        async for token in self._engines.chat(str(len(request.messages))):
            yield TextDelta(token)

    async def close(self) -> None:
        """Holds nothing."""


class Params(BaseModel):
    session: str


class StubAsrConfig(AsrConfig):
    params: Params


class StubLlmConfig(LlmConfig):
    params: Params


class StubTtsConfig(TtsConfig):
    params: Params


class StubAsrExtension(AsrExtension):
    vendor, config_model, engine_class, placement = "stub", StubAsrConfig, StubAsr, "inline"


class StubLlmExtension(LlmExtension):
    vendor, config_model, engine_class = "stub", StubLlmConfig, StubLlm


class StubTtsExtension(TtsExtension):
    vendor, config_model, engine_class, placement = "stub", StubTtsConfig, StubTts, "inline"


for extension in (StubAsrExtension, StubLlmExtension, StubTtsExtension):
    register_for_test(extension.__name__, extension)


class PeerSession:
    """What the harness drives: start, push 20 ms, stop."""

    def __init__(self, engines: Any, sink: Any, profile: str) -> None:
        self._profile = profile
        self._session_id = f"bench-{next(_NUMBERS)}"
        self._graph_id = ""
        self._session = Session(self._session_id, sink.on_audio)
        self.push = self._session.push
        _ENGINES[self._session_id] = engines

    async def start(self) -> None:
        global _runtime
        if _runtime is None:
            _runtime = BenchRuntime()
            await _runtime.start()
        matched = self._profile.startswith("matched")
        tenvad = self._profile.endswith("tenvad")
        vad_properties = dict(MATCHED_VAD) if matched else {}
        if self._profile.endswith("asked"):
            vad_properties["still_dbfs"] = -120.0
        graph = conversation_graph(
            self._session_id,
            vad="ten_vad_python" if tenvad else "silero_vad_python",
            stt="StubAsrExtension",
            llm="StubLlmExtension",
            tts="StubTtsExtension",
            engines={"session": self._session_id},
            vad_properties=vad_properties or None,
            control_properties=MATCHED_TURNS if matched else None,
            turn_detection=not matched,
        )
        self._graph_id = await _runtime.converse(graph, self._session)

    async def stop(self) -> None:
        if _runtime is not None:
            await _runtime.end(self._graph_id)
        _ENGINES.pop(self._session_id, None)


def make_session(engines: Any, sink: Any, profile: str) -> PeerSession:
    return PeerSession(engines, sink, profile)
