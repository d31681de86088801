"""The client of a measured conversation: a node that feeds the microphone and plays what comes, 20 ms at a time, in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from stream_talk.audio.playout import ChunkTag, PlayoutBuffer
from stream_talk.ten import messages, names
from ten_runtime import Addon, AsyncExtension, AsyncTenEnv, AudioFrame, Cmd, Data, TenEnv, register_addon_as_extension

CLIENT_ADDON = "bench_client"
FRAME_MS = 20
SAMPLE_RATE_HZ = 16000
_FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000

OnSound = Callable[[bytes], None]
OnMessage = Callable[[str, dict[str, Any]], None]


class Pacer:
    """Writes at the pace of playing: one slot per frame, and the clock starts anew after being late."""

    def __init__(self) -> None:
        self._next_s = 0.0

    async def sleep(self) -> None:
        now_s = time.monotonic()
        wait_s = max(0.0, self._next_s - now_s)
        await asyncio.sleep(wait_s)
        self._next_s = self._next_s + FRAME_MS / 1000.0 if wait_s else time.monotonic() + FRAME_MS / 1000.0


class BenchClient(AsyncExtension):
    """One per conversation; the measurer finds it by its session."""

    waiting: dict[str, Session] = {}

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.session = self.waiting.pop(name)
        self._reader = messages.PcmReader()

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        await self.session.attached(ten_env)

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        self.session.detached()

    async def on_audio_frame(self, ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        view = self._reader.read(audio_frame)
        self.session.heard(view)

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        self.session.told(data.get_name(), messages.read_json(data))

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        await ten_env.return_result(messages.result(cmd))


@register_addon_as_extension(CLIENT_ADDON)
class BenchClientAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: Any) -> None:
        ten_env.on_create_instance_done(BenchClient(name), context)


class Session:
    """A conversation as a measurer sees it: `push` 20 ms of microphone, `on_sound` when 20 ms leave for the loudspeaker."""

    def __init__(self, session_id: str, on_sound: OnSound, on_message: OnMessage | None = None) -> None:
        self.session_id = session_id
        self.buffer = PlayoutBuffer(SAMPLE_RATE_HZ)
        self.ready = asyncio.Event()
        self._on_sound = on_sound
        self._on_message = on_message or (lambda _name, _body: None)
        self._env: AsyncTenEnv | None = None
        self._metadata_json = messages.to_json({"session_id": session_id})
        self._media_samples = 0
        self._sounds = asyncio.Event()
        self._player: asyncio.Task[None] | None = None
        self._cut_generation = -1
        self.stale_samples_heard = 0

    async def attached(self, env: AsyncTenEnv) -> None:
        self._env = env
        self._player = asyncio.get_running_loop().create_task(self._play())
        self.ready.set()

    def detached(self) -> None:
        if self._player is not None:
            self._player.cancel()

    async def push(self, pcm: bytes) -> None:
        """20 ms of microphone."""
        assert self._env is not None
        timestamp_ms = self._media_samples * 1000 // SAMPLE_RATE_HZ
        self._media_samples += len(pcm) // 2
        frame = messages.pcm_frame(pcm, SAMPLE_RATE_HZ, metadata_json=self._metadata_json, timestamp_ms=timestamp_ms)
        await self._env.send_audio_frame(frame)

    async def tell(self, name: str, body: dict[str, Any]) -> None:
        assert self._env is not None
        await self._env.send_data(messages.data(name, body))

    # --- what the graph says ----------------------------------------------------------------------------------------

    def heard(self, view: messages.PcmView) -> None:
        self.buffer.push(view.pcm, ChunkTag.from_metadata(view.metadata))
        self._sounds.set()

    def told(self, name: str, body: dict[str, Any]) -> None:
        if name == names.PLAYOUT_CONTROL:
            if body["action"] == "cut":
                self._cut_generation = max(self._cut_generation, int(body["generation"]))
            fields = {key: body[key] for key in ("gain_db", "from_ms") if key in body}
            self.buffer.control(body["action"], int(body["generation"]), **fields)
            self._sounds.set()
        elif name == names.TTS_AUDIO_END:
            self.buffer.end_request(str(body.get("request_id", "")))
            self._sounds.set()
        self._on_message(name, body)

    async def _play(self) -> None:
        pacer = Pacer()
        while True:
            piece = self.buffer.take(_FRAME_SAMPLES)
            if piece is not None:
                if piece.tag.generation <= self._cut_generation:
                    self.stale_samples_heard += len(piece.pcm)
                self._on_sound(piece.pcm.tobytes())
            await self._report()
            if piece is not None:
                await pacer.sleep()
            else:
                self._sounds.clear()
                if self.buffer.silent_now:
                    await self._sounds.wait()

    async def _report(self) -> None:
        for report in self.buffer.take_reports(time.monotonic() * 1000.0):
            await self.tell(names.PLAYOUT_REPORT, report)
