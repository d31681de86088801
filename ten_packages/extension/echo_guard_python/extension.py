"""Takes our own voice out of the microphone. Frames in, cleaned frames out, with their metadata and media time."""

from __future__ import annotations

import numpy as np
from stream_talk import clock
from stream_talk.audio.dump import PcmDump
from stream_talk.audio.resample import StreamResampler
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16
from stream_talk.ten import messages, names
from stream_talk.ten.stage import StageExtension
from ten_runtime import AudioFrame, Data

from .config import EchoGuardConfig
from .engine import FRAME_SAMPLES, SAMPLE_RATE_HZ, EchoGuardEngine, Processing
from .reference import PlaybackReference


class EchoGuardExtension(StageExtension[EchoGuardConfig]):
    module = "echo_guard"
    vendor = "webrtc"
    config_model = EchoGuardConfig

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._engine: EchoGuardEngine | None = None
        self._reference = PlaybackReference()
        self._microphone_reader = messages.PcmReader()
        self._voice_reader = messages.PcmReader()
        self._microphone_resampler: StreamResampler | None = None
        self._voice_resampler: StreamResampler | None = None
        self._voice_request = ""
        self._dump: PcmDump | None = None
        self._problem = ""
        self._media_ms = 0.0

    def configured(self, config: EchoGuardConfig) -> None:
        if config.dump:
            self._dump = PcmDump(config.dump_path, "echo_guard_out")
        engine = EchoGuardEngine(
            Processing(
                config.echo_cancellation,
                config.noise_suppression,
                config.high_pass_filter,
                config.gain_control,
                config.playout_delay_ms,
                config.stand_aside,
            )
        )
        try:
            engine.load()
            self._engine = engine
        except EngineUnavailable as problem:
            self._problem = str(problem)

    async def start_stage(self) -> None:
        if self._problem:
            self.report_error(names.CODE_NON_FATAL, f"{self._problem}; the microphone passes through as it is")
            text = "Echo cancellation is off: please use a headset, or I may hear myself."
            notice = {"type": "notice", "code": "echo_guard_off", "level": "warning", "text": text}
            self.send_data(names.MESSAGE, {**notice, "turn_id": 0, "ts_ms": round(clock.now_ms())})

    async def stop_stage(self) -> None:
        if self._engine is not None:
            self._engine.close()
        if self._dump is not None:
            self._dump.close()

    def handle_audio(self, frame: AudioFrame) -> None:
        if frame.get_source().extension_name == self.settings.reference_node:
            self._take_own_voice(frame)
        else:
            self._clean(frame)

    async def handle_data(self, name: str, data: Data) -> None:
        if name == names.PLAYOUT_REPORT:
            report = messages.read_json(data)
            self._reference.report(
                str(report.get("request_id", "")),
                int(report.get("generation", -1)),
                float(report.get("played_ms", 0.0)),
                str(report.get("state", "")),
            )

    def _take_own_voice(self, frame: AudioFrame) -> None:
        view = self._voice_reader.read(frame)
        if self._engine is None or not len(view.pcm):
            return
        request_id = str(view.metadata.get("request_id", ""))
        if request_id != self._voice_request:
            # What the filter still holds of the last reply would shift this one, and the canceller would start anew.
            self._voice_request, self._voice_resampler = request_id, None
        self._voice_resampler = _resampler_for(self._voice_resampler, view)
        pcm = self._voice_resampler.process(view.pcm)
        self._reference.push(request_id, int(view.metadata.get("generation", -1)), pcm)

    def _clean(self, frame: AudioFrame) -> None:
        view = self._microphone_reader.read(frame)
        media_ms = float(view.timestamp_ms) if view.timestamp_ms > 0 else self._media_ms
        self._media_ms = media_ms + len(view.pcm) * 1000.0 / (view.sample_rate_hz or SAMPLE_RATE_HZ)
        self._microphone_resampler = _resampler_for(self._microphone_resampler, view)
        pcm = self._microphone_resampler.process(view.pcm)
        if self._engine is not None:
            media_ms -= self._engine.waiting_samples * 1000.0 / SAMPLE_RATE_HZ
            pcm = self._cancelled(self._engine, pcm)
        if len(pcm):
            self._send(pcm, media_ms, view.metadata_json)

    def _cancelled(self, engine: EchoGuardEngine, pcm: Pcm16) -> Pcm16:
        try:
            reference = self._reference.pull(engine.frames_in(pcm) * FRAME_SAMPLES)
            return engine.process(pcm, reference, jumped=self._reference.take_jump())
        except RuntimeError as error:
            self._engine = None  # a canceller that failed once fails again; the conversation goes on without
            self.report_error(names.CODE_NON_FATAL, f"echo cancellation stopped: {error}")
            return pcm

    def _send(self, pcm: Pcm16, media_ms: float, metadata_json: str) -> None:
        raw = np.ascontiguousarray(pcm).tobytes()
        if self._dump is not None:
            self._dump.write(raw)
        frame = messages.pcm_frame(
            raw, SAMPLE_RATE_HZ, metadata_json=metadata_json, timestamp_ms=max(0, round(media_ms))
        )
        self.post(self.env.send_audio_frame(frame))


def _resampler_for(current: StreamResampler | None, view: messages.PcmView) -> StreamResampler:
    from_hz = view.sample_rate_hz or SAMPLE_RATE_HZ
    if current is None or current.from_hz != from_hz:
        return StreamResampler(from_hz, SAMPLE_RATE_HZ)
    return current
