"""A conversation without engines: answers at once, so that only what surrounds engines is measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from stream_talk.ten import messages
from ten_runtime import AsyncExtension, AsyncTenEnv, AudioFrame, Cmd, Data

RATE_HZ = 24_000
CHUNK_SAMPLES = 480
MARK = 12345
MARK_REPLY_MS = 40


class LoopbackTalker(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._generation = 0
        self._session_id = ""

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._session_id, _ = await ten_env.get_property_string("session_id")

    async def on_audio_frame(self, ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        raw = audio_frame.get_buf()
        if len(raw) >= 2 and int.from_bytes(raw[:2], "little", signed=True) == MARK:
            await self._answer(ten_env, MARK_REPLY_MS)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        await ten_env.return_result(messages.result(cmd))

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        body = messages.read_json(data)
        if data.get_name() == "client_event":
            await self._take_event(ten_env, body)

    async def _take_event(self, ten_env: AsyncTenEnv, event: dict[str, Any]) -> None:
        if event["type"] == "text":
            text = str(event["text"])
            await self._say(ten_env, "user_text", text=text, final=True, source="typed")
            await self._answer(ten_env, int(text) if text.isdigit() else 400)
        elif event["type"] == "stop":
            body = {"action": "cut", "generation": self._generation, "turn_id": self._generation}
            await ten_env.send_data(messages.data("playout_control", body))

    async def _answer(self, ten_env: AsyncTenEnv, duration_ms: int) -> None:
        self._generation += 1
        request_id = f"r{self._generation}"
        metadata = {
            "session_id": self._session_id,
            "turn_id": self._generation,
            "generation": self._generation,
            "request_id": request_id,
        }
        encoded = json.dumps(metadata)
        pcm = (np.arange(duration_ms * RATE_HZ // 1000) % 2000 * 8 + 1).astype(np.int16)
        for start in range(0, len(pcm), CHUNK_SAMPLES):
            frame = messages.pcm_frame(pcm[start : start + CHUNK_SAMPLES], RATE_HZ, metadata_json=encoded)
            await ten_env.send_audio_frame(frame)
        await ten_env.send_data(messages.data("tts_audio_end", {"request_id": request_id, "reason": 1}))

    async def _say(self, ten_env: AsyncTenEnv, kind: str, **fields: Any) -> None:
        body = {"type": kind, "session_id": self._session_id, "turn_id": self._generation + 1, "ts_ms": 0, **fields}
        await ten_env.send_data(messages.data("message", body))
