"""A host made of files: recordings are the microphone, the loudspeaker is a WAV file with both sides in two channels."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from pydantic import ValidationError
from stream_talk import clock
from stream_talk.audio.playout import PlayoutBuffer
from stream_talk.audio.resample import StreamResampler
from stream_talk.audio.wav import WavWriter
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten.host import HostExtension
from ten_runtime import AsyncTenEnv

from .config import WavIoConfig
from .narrator import narrate
from .script import TEXT_PREFIX, Item, Script, load_item


class WavIoExtension(HostExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._config = WavIoConfig()
        self._problem = ""
        self._script: Script | None = None
        self._started_ms = 0.0
        self._log: TextIO | None = None

    async def prepare(self, ten_env: AsyncTenEnv) -> None:
        text, _ = await ten_env.get_property_to_json("")
        try:
            self._config = WavIoConfig.model_validate_json(text or "{}")
        except ValidationError as error:
            self._problem = f"wrong properties: {error}"
        self.loudspeaker = PlayoutBuffer(self._config.output_sample_rate)

    def on_message(self, body: dict[str, Any]) -> None:
        if self._script is not None and body.get("type") == "state":
            self._script.state(str(body.get("state")), clock.now_ms() - self._started_ms)
        if self._log is not None:
            self._log.write(json.dumps(body, ensure_ascii=False) + "\n")
        line = narrate(body) if self._config.progress == "text" else ""
        if line:
            print(line, flush=True)

    async def converse(self) -> None:
        try:
            if self._problem:
                raise ValueError(self._problem)
            await self._play_script()
        except (OSError, ValueError) as error:  # a WavError too: what is wrong with a file is for the person to read
            print(f"wav_io: {error}", file=sys.stderr, flush=True)
        finally:
            if self._log is not None:
                self._log.close()
                self._log = None
        if self._config.close_app:
            await self.close_app()

    async def _play_script(self) -> None:
        config = self._config
        items = await asyncio.to_thread(self._load)
        self._script = Script(
            items,
            lead_ms=config.lead_ms,
            gap_ms=config.gap_ms,
            reply_timeout_ms=config.reply_timeout_ms,
            button=config.button,
        )
        if config.messages_file:
            self._log = _open_log(config.messages_file)
        writer = WavWriter(config.output, config.output_sample_rate, 2) if config.output else None
        try:
            self._started_ms = clock.now_ms()
            await self.send_event("hello", **config.hello)
            await self._frames(self._script, writer)
        finally:
            if writer is not None:
                writer.close()

    async def _frames(self, script: Script, writer: WavWriter | None) -> None:
        """One frame in and one out per `frame_ms`, on a fixed grid, so that the two channels stay aligned."""
        config = self._config
        mic_samples = config.sample_rate * config.frame_ms // 1000
        out_samples = config.output_sample_rate * config.frame_ms // 1000
        to_output = StreamResampler(config.sample_rate, config.output_sample_rate)
        recorded: Pcm16 = np.zeros(0, dtype=np.int16)
        for frame in range(int(config.max_duration_ms // config.frame_ms)):
            media_ms = float(frame * config.frame_ms)
            await clock.sleep_ms(self._started_ms + media_ms - clock.now_ms())
            mic = script.frame(media_ms, mic_samples)
            heard = await self.play(out_samples)
            if heard.any():
                script.loudspeaker(media_ms)
            while script.events:
                event = script.events.pop(0)
                await self.send_event(event.pop("type"), **event)
            await self.hear(mic, config.sample_rate, media_ms)
            if writer is not None:
                recorded = np.concatenate([recorded, to_output.process(mic)])
                mine, recorded = _exactly(recorded, out_samples)
                writer.write(np.stack([mine, heard], axis=1))
            if script.over(media_ms):
                return

    def _load(self) -> list[Item]:
        stdin = sys.stdin.buffer.read() if "-" in self._config.inputs else b""
        items = []
        for entry in self._config.inputs:
            if not entry.startswith(TEXT_PREFIX) and Path(entry).is_dir():
                files = sorted(p for p in Path(entry).iterdir() if p.suffix.lower() == ".wav")
                items += [load_item(str(file), self._config.sample_rate) for file in files]
            else:
                items.append(load_item(entry, self._config.sample_rate, stdin))
        return items


def _open_log(path: str) -> TextIO:
    return open(path, "w", encoding="utf-8")


def _exactly(pcm: Pcm16, samples: int) -> tuple[Pcm16, Pcm16]:
    """`samples` samples and the rest; the resampler's small delay is filled up with silence."""
    if len(pcm) >= samples:
        return pcm[:samples], pcm[samples:]
    return np.concatenate([np.zeros(samples - len(pcm), dtype=np.int16), pcm]), pcm[:0]
