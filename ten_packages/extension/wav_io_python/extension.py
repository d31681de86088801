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
from stream_talk.audio.playout import ChunkTag, PlayoutBuffer
from stream_talk.audio.resample import StreamResampler
from stream_talk.audio.wav import WavWriter
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import messages, names
from ten_runtime import AsyncExtension, AsyncTenEnv, AudioFrame, Cmd, Data, Loc

from .config import WavIoConfig
from .narrator import narrate
from .script import Item, Script, load_item


class WavIoExtension(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._config = WavIoConfig()
        self._problem = ""
        self._playout = PlayoutBuffer(self._config.output_sample_rate)
        self._reader = messages.PcmReader()
        self._resampler: tuple[str, StreamResampler] | None = None
        self._tag = ChunkTag("", 0)
        self._script: Script | None = None
        self._started_ms = 0.0
        self._log: TextIO | None = None
        self._task: asyncio.Task[None] | None = None

    # --- TEN ---------------------------------------------------------------------------------------------------------

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        text, _ = await ten_env.get_property_to_json("")
        try:
            self._config = WavIoConfig.model_validate_json(text or "{}")
        except ValidationError as error:
            self._problem = f"wrong properties: {error}"
            return
        self._playout = PlayoutBuffer(self._config.output_sample_rate)

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        self._task = asyncio.create_task(self._run(ten_env))

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2.0)

    async def on_audio_frame(self, ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        view = self._reader.read(audio_frame)
        tag = ChunkTag.from_metadata(view.metadata)
        rate_hz = view.sample_rate_hz or self._config.output_sample_rate
        if self._resampler is None or self._resampler[0] != tag.request_id:
            self._resampler = (tag.request_id, StreamResampler(rate_hz, self._config.output_sample_rate))
            self._tag = tag
        self._playout.push(self._resampler[1].process(view.pcm).copy(), tag)

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        body = messages.read_json(data)
        name = data.get_name()
        if name == names.TTS_AUDIO_END:
            self._end_request(str(body.get("request_id", "")))
        elif name == names.PLAYOUT_CONTROL:
            self._control(ten_env, body)
        elif name == names.MESSAGE:
            self._message(body)
        await self._send_reports(ten_env)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        await ten_env.return_result(messages.result(cmd))

    # --- the loudspeaker ---------------------------------------------------------------------------------------------

    def _end_request(self, request_id: str) -> None:
        if self._resampler is not None and self._resampler[0] == request_id:
            rest = self._resampler[1].flush()
            if len(rest):
                self._playout.push(rest, self._tag)
        self._playout.end_request(request_id)

    def _control(self, ten_env: AsyncTenEnv, body: dict[str, Any]) -> None:
        try:
            self._playout.control(
                str(body["action"]),
                int(body["generation"]),
                gain_db=float(body.get("gain_db", -14.0)),
                from_ms=body.get("from_ms"),
            )
        except (KeyError, TypeError, ValueError) as error:
            ten_env.log_error(f"wav_io: playout_control not understood: {error!r}")

    async def _send_reports(self, ten_env: AsyncTenEnv) -> None:
        for report in self._playout.take_reports(clock.now_ms()):
            await ten_env.send_data(messages.data(names.PLAYOUT_REPORT, report))

    def _message(self, body: dict[str, Any]) -> None:
        if self._script is not None and body.get("type") == "state":
            self._script.state(str(body.get("state")), clock.now_ms() - self._started_ms)
        if self._log is not None:
            self._log.write(json.dumps(body, ensure_ascii=False) + "\n")
        if self._config.progress == "text":
            line = narrate(body)
            if line:
                print(line, flush=True)

    # --- the run -----------------------------------------------------------------------------------------------------

    async def _run(self, ten_env: AsyncTenEnv) -> None:
        try:
            if self._problem:
                raise ValueError(self._problem)
            await self._converse(ten_env)
        except (OSError, ValueError) as error:
            ten_env.log_error(f"wav_io: {error}")
            print(f"wav_io: {error}", file=sys.stderr, flush=True)
        finally:
            if self._log is not None:
                self._log.close()
                self._log = None
        if self._config.close_app:
            close = Cmd.create("ten:close_app")
            close.set_dests([Loc("")])
            await ten_env.send_cmd(close)

    async def _converse(self, ten_env: AsyncTenEnv) -> None:
        config = self._config
        items = await asyncio.to_thread(self._load)
        self._script = Script(
            items, lead_ms=config.lead_ms, gap_ms=config.gap_ms, reply_timeout_ms=config.reply_timeout_ms
        )
        if config.messages_file:
            self._log = _open_log(config.messages_file)
        writer = WavWriter(config.output, config.output_sample_rate, 2) if config.output else None
        try:
            await ten_env.send_data(messages.data(names.CLIENT_EVENT, {"type": "hello", **config.hello}))
            await self._frames(ten_env, self._script, writer)
        finally:
            if writer is not None:
                writer.close()

    async def _frames(self, ten_env: AsyncTenEnv, script: Script, writer: WavWriter | None) -> None:
        """One frame in and one out per `frame_ms`, on a fixed grid, so that the two channels stay aligned."""
        config = self._config
        mic_samples = config.sample_rate * config.frame_ms // 1000
        out_samples = config.output_sample_rate * config.frame_ms // 1000
        to_output = StreamResampler(config.sample_rate, config.output_sample_rate)
        recorded: Pcm16 = np.zeros(0, dtype=np.int16)
        self._started_ms = clock.now_ms()
        frame = 0
        while frame * config.frame_ms < config.max_duration_ms:
            media_ms = float(frame * config.frame_ms)
            await clock.sleep_ms(self._started_ms + media_ms - clock.now_ms())
            mic = script.frame(media_ms, mic_samples)
            heard = self._playout.pull(out_samples)
            if heard.any():
                script.loudspeaker(media_ms)
            await self._send_reports(ten_env)
            await ten_env.send_audio_frame(
                messages.pcm_frame(mic, config.sample_rate, timestamp_ms=round(media_ms), metadata_json=_METADATA)
            )
            if writer is not None:
                recorded = np.concatenate([recorded, to_output.process(mic)])
                mine, recorded = _exactly(recorded, out_samples)
                writer.write(np.stack([mine, heard], axis=1))
            frame += 1
            if script.over(media_ms):
                return

    def _load(self) -> list[Item]:
        stdin = sys.stdin.buffer.read() if "-" in self._config.inputs else b""
        items = []
        for entry in self._config.inputs:
            if Path(entry).is_dir():
                files = sorted(p for p in Path(entry).iterdir() if p.suffix.lower() == ".wav")
                items += [load_item(str(file), self._config.sample_rate) for file in files]
            else:
                items.append(load_item(entry, self._config.sample_rate, stdin))
        return items


def _open_log(path: str) -> TextIO:
    return open(path, "w", encoding="utf-8")


_METADATA = json.dumps({"session_id": "session"})


def _exactly(pcm: Pcm16, samples: int) -> tuple[Pcm16, Pcm16]:
    """`samples` samples and the rest; the resampler's small delay is filled up with silence."""
    if len(pcm) >= samples:
        return pcm[:samples], pcm[samples:]
    return np.concatenate([np.zeros(samples - len(pcm), dtype=np.int16), pcm]), pcm[:0]
