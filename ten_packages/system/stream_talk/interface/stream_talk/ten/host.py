"""Base of hosts: extensions that are a session's microphone and loudspeaker (docs/messages.md, "The session graph and its ports").

A host subclass says what the microphone hears and what becomes of the sound; this base keeps the playout buffer, obeys
`playout_control`, and reports what was played.

    class MyHost(HostExtension):
        async def converse(self) -> None:
            await self.send_event("hello")
            ...
            await self.hear(pcm, media_ms)
            sound = await self.play(samples)
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ten_runtime import AsyncExtension, AsyncTenEnv, AudioFrame, Cmd, Data, Loc

from stream_talk import clock
from stream_talk.audio.playout import ChunkTag, PlayoutBuffer
from stream_talk.audio.resample import StreamResampler
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import messages, names


class HostExtension(AsyncExtension):
    def __init__(self, name: str, session_id: str = "session") -> None:
        super().__init__(name)
        self.loudspeaker = PlayoutBuffer(16000)
        self._metadata_json = json.dumps({"session_id": session_id})
        self._env: AsyncTenEnv | None = None
        self._reader = messages.PcmReader()
        self._resampler: StreamResampler | None = None
        self._tag = ChunkTag("", -1)
        self._task: asyncio.Task[None] | None = None

    # --- hooks -------------------------------------------------------------------------------------------------------

    async def prepare(self, ten_env: AsyncTenEnv) -> None:
        """The properties can be read; set `loudspeaker` here if its rate is not 16 kHz."""

    async def converse(self) -> None:
        """The whole conversation; runs in the background until it returns or the graph stops."""

    def on_message(self, body: dict[str, Any]) -> None:
        """A `message` of the conversation."""

    # --- for subclasses ----------------------------------------------------------------------------------------------

    @property
    def env(self) -> AsyncTenEnv:
        assert self._env is not None
        return self._env

    async def send_event(self, kind: str, **fields: Any) -> None:
        """A `client_event`."""
        await self.env.send_data(messages.data(names.CLIENT_EVENT, {"type": kind, **fields}))

    async def hear(self, pcm: Pcm16, sample_rate_hz: int, media_ms: float) -> None:
        """Sound of the microphone."""
        frame = messages.pcm_frame(pcm, sample_rate_hz, timestamp_ms=round(media_ms), metadata_json=self._metadata_json)
        await self.env.send_audio_frame(frame)

    async def play(self, samples: int) -> Pcm16:
        """The next samples of the loudspeaker."""
        pcm = self.loudspeaker.pull(samples)
        await self._send_reports()
        return pcm

    async def close_app(self) -> None:
        close = Cmd.create("ten:close_app")
        close.set_dests([Loc("")])
        await self.env.send_cmd(close)

    # --- TEN ---------------------------------------------------------------------------------------------------------

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._env = ten_env
        await self.prepare(ten_env)

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        self._task = asyncio.create_task(self._run(ten_env))

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2.0)

    async def _run(self, ten_env: AsyncTenEnv) -> None:
        try:
            await self.converse()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            ten_env.log_error(f"{self.name}: the conversation broke off: {error!r}")

    async def on_audio_frame(self, ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        view = self._reader.read(audio_frame)
        tag = ChunkTag.from_metadata(view.metadata)
        if self._resampler is None or tag != self._tag:
            rate_hz = view.sample_rate_hz or self.loudspeaker.sample_rate_hz
            self._resampler, self._tag = StreamResampler(rate_hz, self.loudspeaker.sample_rate_hz), tag
        self.loudspeaker.push(self._resampler.process(view.pcm).copy(), tag)

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        try:
            self._take(data.get_name(), messages.read_json(data))
        except Exception as error:  # nothing may leave a callback: TEN would end the process
            ten_env.log_error(f"{self.name}: {data.get_name()} not understood: {error!r}")
        await self._send_reports()

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        await ten_env.return_result(messages.result(cmd))

    def _take(self, name: str, body: dict[str, Any]) -> None:
        if name == names.TTS_AUDIO_END:
            self._end_request(str(body.get("request_id", "")))
        elif name == names.PLAYOUT_CONTROL:
            gain_db = float(body.get("gain_db", -14.0))
            self.loudspeaker.control(
                str(body["action"]), int(body["generation"]), gain_db=gain_db, from_ms=body.get("from_ms")
            )
        elif name == names.MESSAGE:
            self.on_message(body)

    def _end_request(self, request_id: str) -> None:
        if self._resampler is not None and self._tag.request_id == request_id:
            rest = self._resampler.flush()
            if len(rest):
                self.loudspeaker.push(rest, self._tag)
        self.loudspeaker.end_request(request_id)

    async def _send_reports(self) -> None:
        for report in self.loudspeaker.take_reports(clock.now_ms()):
            await self.env.send_data(messages.data(names.PLAYOUT_REPORT, report))
