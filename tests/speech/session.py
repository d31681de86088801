"""A host for tests: speaks to a graph file through its ports, in simulated time, and keeps everything that comes back."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from stream_talk import clock
from stream_talk.audio.playout import ChunkTag, PlayoutBuffer
from stream_talk.audio.resample import StreamResampler
from stream_talk.graph import Node, attach_host, resolve_graph
from stream_talk.ten import messages, names
from ten_runtime import AsyncExtensionTester, AsyncTenEnvTester, AudioFrame, Cmd, Data

GRAPHS = Path(__file__).resolve().parents[2] / "graphs"
FRAME_MS = 20
MIC_HZ, SPEAKER_HZ = 16000, 24000
ECHO_DELAY_MS = 80


class Session:
    """What a script has in hand."""

    def __init__(self, env: AsyncTenEnvTester) -> None:
        self._env = env
        self._playout = PlayoutBuffer(SPEAKER_HZ)
        self._reader = messages.PcmReader()
        self._resampler: StreamResampler | None = None
        self._request = ""
        self._microphone = np.zeros(0, np.int16)
        self._loudspeaker = StreamResampler(SPEAKER_HZ, MIC_HZ)
        self._echo = np.zeros(ECHO_DELAY_MS * MIC_HZ // 1000, np.int16)
        self._room = np.random.default_rng(0)
        self.echo_gain = 0.0  # how much of the loudspeaker comes back into the microphone
        self.heard: list[np.ndarray] = []
        self.messages: list[dict[str, Any]] = []

    # --- the person -------------------------------------------------------------------------------------------------

    async def event(self, kind: str, **fields: Any) -> None:
        await self._env.send_data(messages.data(names.CLIENT_EVENT, {"type": kind, **fields}))

    def speak(self, pcm: np.ndarray) -> None:
        """The microphone hears this next."""
        self._microphone = np.concatenate([self._microphone, pcm])

    async def until(self, matches: Callable[[dict[str, Any]], bool], timeout_ms: float = 20_000.0) -> dict[str, Any]:
        deadline_ms = clock.now_ms() + timeout_ms
        while True:
            found = next((message for message in self.messages if matches(message)), None)
            if found is not None:
                return found
            assert clock.now_ms() < deadline_ms, f"waited in vain; messages: {self.messages[-8:]}"
            await clock.sleep_ms(FRAME_MS)

    async def reply(self, timeout_ms: float = 20_000.0) -> dict[str, Any]:
        """What was heard of the newest reply that is not the greeting."""
        return await self.until(lambda m: m["type"] == "heard" and m["turn_id"] > 0, timeout_ms)

    @property
    def loudness(self) -> float:
        return float(np.abs(np.concatenate(self.heard)).max()) if self.heard else 0.0

    # --- the host ---------------------------------------------------------------------------------------------------

    async def run_clock(self) -> None:
        """Microphone and loudspeaker, a frame of each every 20 ms."""
        step = MIC_HZ * FRAME_MS // 1000
        media_ms = 0
        while True:
            frame, self._microphone = self._microphone[:step], self._microphone[step:]
            pcm = np.concatenate([frame, np.zeros(step - len(frame), np.int16)])
            echo, self._echo = self._echo[:step], self._echo[step:]
            echo = np.concatenate([echo, np.zeros(step - len(echo), np.int16)])
            if self.echo_gain:  # a room with a loudspeaker is never digitally silent
                pcm = np.clip(pcm + self.echo_gain * echo + self._room.normal(0, 10, step), -32768, 32767).astype(
                    np.int16
                )
            metadata = '{"session_id":"session"}'
            await self._env.send_audio_frame(
                messages.pcm_frame(pcm, MIC_HZ, metadata_json=metadata, timestamp_ms=media_ms)
            )
            self.heard.append(self._playout.pull(SPEAKER_HZ * FRAME_MS // 1000))
            self._echo = np.concatenate([self._echo, self._loudspeaker.process(self.heard[-1])])
            await self.send_reports()
            media_ms += FRAME_MS
            await clock.sleep_ms(FRAME_MS)

    async def send_reports(self) -> None:
        for report in self._playout.take_reports(clock.now_ms()):
            await self._env.send_data(messages.data(names.PLAYOUT_REPORT, report))

    def audio(self, frame: AudioFrame) -> None:
        view = self._reader.read(frame)
        tag = ChunkTag.from_metadata(view.metadata)
        if tag.request_id != self._request or self._resampler is None:
            self._request, self._resampler = tag.request_id, StreamResampler(view.sample_rate_hz, SPEAKER_HZ)
        self._playout.push(self._resampler.process(view.pcm).copy(), tag)

    async def data(self, name: str, body: dict[str, Any]) -> None:
        if name == names.TTS_AUDIO_END:
            self._playout.end_request(body["request_id"])
        elif name == names.PLAYOUT_CONTROL:
            gain_db = float(body.get("gain_db", -14.0))
            self._playout.control(body["action"], int(body["generation"]), gain_db=gain_db, from_ms=body.get("from_ms"))
        elif name == names.MESSAGE:
            self.messages.append(body)
        await self.send_reports()


Script = Callable[[Session], Awaitable[None]]


class _Host(AsyncExtensionTester):
    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self.problem: BaseException | None = None

    async def on_init(self, ten_env: AsyncTenEnvTester) -> None:
        self._session = Session(ten_env)

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(ten_env))

    async def on_data(self, ten_env: AsyncTenEnvTester, data: Data) -> None:
        if self._session is not None:
            await self._session.data(data.get_name(), messages.read_json(data))

    async def on_cmd(self, ten_env: AsyncTenEnvTester, cmd: Cmd) -> None:
        await ten_env.return_result(messages.result(cmd))

    async def on_audio_frame(self, ten_env: AsyncTenEnvTester, audio_frame: AudioFrame) -> None:
        if self._session is not None:
            self._session.audio(audio_frame)

    async def _run(self, ten_env: AsyncTenEnvTester) -> None:
        assert self._session is not None
        frames = asyncio.get_running_loop().create_task(self._session.run_clock())
        try:
            await self._script(self._session)
        except BaseException as error:
            self.problem = error
        frames.cancel()
        ten_env.stop_test()


def _with_memory_in(folder: str, node: Node) -> Node:
    """Nobody who talked to this machine before is known, and nothing of a test is remembered."""
    if node.addon != "memory_python":
        return node
    return replace(node, property={**node.property, "path": str(Path(folder) / "memory.db")})


def converse(graph: str, script: Script, *, timeout_s: float = 90.0) -> None:
    """Runs `script` as the host of `graphs/<graph>.json`; what fails in it fails the test."""
    host = _Host(script)
    flat = attach_host(resolve_graph(GRAPHS / f"{graph}.json"), Node("host", "ten:test_extension", "host"))
    with tempfile.TemporaryDirectory(prefix="stream-talk-test-") as folder:
        nodes = [_with_memory_in(folder, node) for node in flat.nodes]
        host.set_test_mode_graph(json.dumps(replace(flat, nodes=nodes).to_dict()))
        host.set_virtual_clock(True)
        host.set_timeout(int(timeout_s * 1_000_000))
        error = host.run()
    if host.problem is not None:
        raise host.problem
    assert error is None, error.error_message()
