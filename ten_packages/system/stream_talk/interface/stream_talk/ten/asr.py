"""Base of speech recognition extensions: TEN's ASR interface on top of an `AsrEngine`.

    class PocketsphinxAsrExtension(AsrExtension):
        vendor = "pocketsphinx"
        config_model = PocketsphinxConfig      # AsrConfig plus `params`
        engine_class = PocketsphinxEngine      # built with **engine_options(config)
        placement = "thread"

Errors carry code 1000 whatever their cause: an ASR that does not work now keeps trying (TEN's acceptance suite asks for it).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel
from ten_runtime import AudioFrame, Cmd, Data

from stream_talk import clock
from stream_talk.audio.dump import PcmDump
from stream_talk.audio.resample import StreamResampler
from stream_talk.engines.asr_stream import AsrStream, SegmentResult, SegmentRules
from stream_talk.engines.host import Placement
from stream_talk.engines.interfaces import Pcm16, Word
from stream_talk.ten import messages, names
from stream_talk.ten.config import AsrConfig
from stream_talk.ten.engine_links import EngineLinks, choice_of
from stream_talk.ten.languages import bcp47
from stream_talk.ten.stage import StageExtension

_METRICS_EVERY_MS = 5000.0


@dataclass(eq=False)
class _EarlyAudio:
    pcm: Pcm16
    media_ms: float
    metadata: messages.Json


class AsrExtension(StageExtension[AsrConfig]):
    module: ClassVar[str] = names.MODULE_ASR
    config_model: ClassVar[type[BaseModel]] = AsrConfig
    config_error_code: ClassVar[int] = names.CODE_NON_FATAL
    engine_class: ClassVar[type[Any] | None] = None
    engine_at: ClassVar[tuple[str, str] | None] = None  # ("engine.py", "Class"): imported only where it runs
    placement: ClassVar[Placement] = "thread"

    @classmethod
    def engine_options(cls, config: Any) -> dict[str, Any]:
        """Keyword arguments of the engine's constructor: by default all `params`."""
        params = getattr(config, "params", None)
        return params.model_dump(mode="json") if isinstance(params, BaseModel) else dict(params or {})

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._links = EngineLinks(self._on_switch, late_ms=15_000.0)
        self._stream: AsrStream | None = None
        self._reader = messages.PcmReader()
        self._metadata: messages.Json = {}
        self._early: deque[_EarlyAudio | messages.Json] = (
            deque()
        )  # audio and finalizes from before the engine was loaded
        self._early_ms = 0.0
        self._media_ms = 0.0
        self._resampler: StreamResampler | None = None
        self._language = "en-US"
        self._rate_hz = 0
        self._dump: PcmDump | None = None
        self._status = "disconnected"
        self._connecting = False
        self._first_audio_ms: float | None = None
        self._ttfw_sent = False
        self._sent_ms = self._reported_ms = 0.0

    # --- life -----------------------------------------------------------------------------------------------------

    def configured(self, config: AsrConfig) -> None:
        self._language = self._configured_language()
        self._rate_hz = config.sample_rate
        if config.dump:
            self._dump = PcmDump(config.dump_path, f"{self.vendor or self.name}_in")

    async def start_stage(self) -> None:
        if self.settings.auto_connect:
            await self._connect()

    async def stop_stage(self) -> None:
        if self._stream is not None:
            self._stream.drop()
        if self._dump is not None:
            self._dump.close()
        self._links.release()

    async def _connect(self) -> None:
        if self._connecting:
            return
        self._connecting = True
        started_ms = clock.now_ms()
        self._set_status("connecting")
        chain = self._links.build(self.name, choice_of(type(self)), self.settings, AsrExtension)
        if len(chain.links) > 1:
            self.spawn(self._links.load(chain.links[1], self._on_load_problem))
        await self._links.load(chain.primary, self._on_load_problem)
        self._set_status("connected")
        self.report_metrics({"connect_delay": round(clock.now_ms() - started_ms)})
        config = self.settings
        rules = SegmentRules(
            config.sample_rate, config.end_silence_ms, config.max_segment_ms, final_timeout_ms=config.final_timeout_ms
        )
        options = {"language": self._language}
        self._stream = AsrStream(chain, rules, options, self._send_result, self.spawn, self._on_failure)
        await self._replay_early()

    async def _replay_early(self) -> None:
        """Hand over what arrived while the engine was loading, in its order."""
        assert self._stream is not None
        while self._early:
            item = self._early[0]
            if isinstance(item, _EarlyAudio):
                self._stream.push(item.pcm, item.media_ms, item.metadata)
            else:
                await self._finalize(item)
            self._early.popleft()

    def _on_load_problem(self, error: Exception, permanent: bool) -> None:
        self._set_status("disconnected", names.CODE_NON_FATAL, str(error))
        self.report_error(names.CODE_NON_FATAL, str(error), metadata=self._metadata)

    def _on_switch(self, text: str) -> None:
        self.report_error(names.CODE_NON_FATAL, text, metadata=self._metadata)

    def _on_failure(self, text: str, tag: Any) -> None:
        self.report_error(names.CODE_NON_FATAL, text, metadata=tag)

    def _set_status(self, current: str, code: int = 0, message: str = "") -> None:
        if current == self._status:
            return
        last, self._status = self._status, current
        status = messages.connection_status_data(self.module, self.vendor, current, last, code=code, message=message)
        self.post(self.env.send_data(status))

    # --- messages in ----------------------------------------------------------------------------------------------

    def handle_audio(self, frame: AudioFrame) -> None:
        view = self._reader.read(frame)
        if not len(view.pcm):
            return
        self._metadata = view.metadata
        if self._dump is not None:
            self._dump.write(view.pcm.tobytes())
        pcm, media_ms = self._at_our_rate(view)
        if self._first_audio_ms is None:
            self._first_audio_ms = clock.now_ms()
        if self._stream is None or self._early:
            self._keep_early(pcm, media_ms)
            return
        self._stream.push(pcm, media_ms, view.metadata)
        self._count_sent(len(pcm))

    async def handle_data(self, name: str, data: Data) -> None:
        if name == names.ASR_FINALIZE:
            body = messages.read_json(data)
            if self._stream is None or self._early:
                self._early.append(body)
            else:
                await self._finalize(body)
        elif name == names.TRIGGER_CONNECT:
            await self._connect()

    async def handle_cmd(self, name: str, cmd: Cmd) -> Mapping[str, Any] | None:
        if name == names.START_OF_SENTENCE and self._stream is not None:
            timestamp_ms = messages.read_json(cmd).get("timestamp_ms")
            if timestamp_ms is not None:
                self._stream.speech_started(float(timestamp_ms), self._metadata)
        if name == names.UPDATE_CONFIGS:
            return {"code": names.CODE_OK, "message": ""}
        return {}

    async def _finalize(self, body: messages.Json) -> None:
        assert self._stream is not None
        asked_ms = clock.now_ms()
        metadata = body.get("metadata") or {}
        result = await self._stream.finalize({**self._metadata, **metadata})
        # The final is what everybody waits for: its receivers run before we go on with what only needs to be said.
        await asyncio.sleep(0)
        if self._ttfw_sent or result.text:
            self.report_metrics(
                {"ttlw": round(clock.now_ms() - asked_ms, 1)}, request_id=result.segment_id, metadata=metadata
            )
        end = {"finalize_id": body.get("finalize_id", ""), "metadata": metadata}
        self.send_data(names.ASR_FINALIZE_END, end)

    # --- audio ----------------------------------------------------------------------------------------------------

    def _at_our_rate(self, view: messages.PcmView) -> tuple[Pcm16, float]:
        """The frame at the configured rate, and the media time of its first sample."""
        rate_hz = self._rate_hz
        from_hz = view.sample_rate_hz or rate_hz
        media_ms = float(view.timestamp_ms) if view.timestamp_ms > 0 else self._media_ms
        self._media_ms = media_ms + len(view.pcm) * 1000.0 / from_hz
        if from_hz == rate_hz:
            return view.pcm, media_ms
        if self._resampler is None or self._resampler.from_hz != from_hz:
            self._resampler = StreamResampler(from_hz, rate_hz)
        return self._resampler.process(view.pcm), media_ms

    def _keep_early(self, pcm: Pcm16, media_ms: float) -> None:
        """Bounded: when loading takes too long, the oldest audio goes."""
        rate_hz = self._rate_hz
        self._early.append(_EarlyAudio(pcm, media_ms, self._metadata))
        self._early_ms += len(pcm) * 1000.0 / rate_hz
        while self._early_ms > self.settings.load_buffer_ms:
            oldest = next(item for item in self._early if isinstance(item, _EarlyAudio))
            self._early.remove(oldest)
            self._early_ms -= len(oldest.pcm) * 1000.0 / rate_hz

    def _count_sent(self, samples: int) -> None:
        self._sent_ms += samples * 1000.0 / self._rate_hz
        if self._sent_ms - self._reported_ms >= _METRICS_EVERY_MS:
            delta_ms = self._sent_ms - self._reported_ms
            self._reported_ms = self._sent_ms
            sent = {"actual_send": round(self._sent_ms), "actual_send_delta": round(delta_ms)}
            self.report_metrics(sent, metadata=self._metadata)

    # --- results --------------------------------------------------------------------------------------------------

    def _send_result(self, result: SegmentResult) -> None:
        metadata = dict(result.tag or {})
        metadata["asr_info"] = {"vendor": self.vendor, **result.info}
        self.send_data(
            names.ASR_RESULT,
            {
                "id": result.segment_id,
                "text": result.text,
                "final": result.final,
                "start_ms": result.start_ms,
                "duration_ms": result.duration_ms,
                "language": bcp47(result.language, self._language),
                "words": [_word(word) for word in result.words],
                "metadata": metadata,
            },
        )
        if not self._ttfw_sent and self._first_audio_ms is not None and result.text:
            self._ttfw_sent = True
            ttfw = {"ttfw": round(clock.now_ms() - self._first_audio_ms)}
            self.report_metrics(ttfw, request_id=result.segment_id, metadata=result.tag)

    def _configured_language(self) -> str:
        params = getattr(self.settings, "params", None)
        language = params.get("language", "") if isinstance(params, dict) else getattr(params, "language", "")
        return bcp47(str(language or ""))


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.text, "start_ms": word.start_ms, "duration_ms": word.duration_ms, "stable": word.stable}
