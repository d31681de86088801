"""Base of voice activity extensions: hops through a `VadEngine`, decisions by the kit's `VoiceGate`, TEN's two commands out.

    class SileroVadExtension(VadExtension):
        vendor = "silero"
        config_model = SileroConfig      # VadConfig plus what the engine needs
        engine_class = SileroVadEngine

Every frame passes through unchanged, before the commands it causes. A hop that nobody could hear is silence
whatever the engine says (`audio/stillness.py`). With `gate: true` only speech passes, from `pre_roll_ms` before its onset.
"""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel
from ten_runtime import AudioFrame

from stream_talk.audio.dump import PcmDump
from stream_talk.audio.resample import StreamResampler
from stream_talk.audio.stillness import Stillness
from stream_talk.audio.voice_gate import GateSettings, VoiceChange, VoiceEvent, VoiceGate
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16, VadEngine
from stream_talk.engines.vad_batch import BatchingVadEngine, HopBatch, Network, hop_batches
from stream_talk.ten import messages, names
from stream_talk.ten.config import VadConfig
from stream_talk.ten.stage import StageExtension

_EMPTY: Pcm16 = np.zeros(0, dtype=np.int16)


def _ignore(_probability: float | None) -> None:
    """The network was only shown the hop."""


@dataclass(slots=True, eq=False)
class _Hop:
    """A hop whose probability is awaited."""

    start_ms: float
    metadata: messages.Json
    probability: float | None = None
    is_decided: bool = False


class VadExtension(StageExtension[VadConfig]):
    module: ClassVar[str] = names.MODULE_VAD
    config_model: ClassVar[type[BaseModel]] = VadConfig
    engine_class: ClassVar[type[Any] | None] = None

    @classmethod
    def engine_options(cls, config: Any) -> dict[str, Any]:
        """Keyword arguments of the engine's constructor: by default all `params`."""
        params = getattr(config, "params", None)
        return params.model_dump() if isinstance(params, BaseModel) else dict(params or {})

    def make_engine(self, config: Any) -> VadEngine:
        """A loaded engine. Override to choose another one when `EngineUnavailable` is raised."""
        if self.engine_class is None:
            raise TypeError(f"{type(self).__name__} names no engine: set engine_class")
        engine: VadEngine = self.engine_class(**self.engine_options(config))
        engine.load()
        return engine

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._engine: VadEngine | None = None
        self._gate: VoiceGate | None = None
        self._hop_ms = 0.0
        self._holds_back = False
        self._stillness = Stillness(-120.0)
        self._network: Network | None = None  # shared with other conversations, where hops can run together
        self._batch: HopBatch | None = None
        self._in_flight: deque[_Hop] = deque()  # in the order of their sound; the first is the one that is awaited
        self._reader = messages.PcmReader()
        self._resampler: StreamResampler | None = None
        self._rest = _EMPTY
        self._rest_start_ms = 0.0
        self._media_ms = 0.0
        self._pre_roll: deque[tuple[AudioFrame, float]] = deque()
        self._pre_roll_ms = 0.0
        self._problem = ""
        self._dump: PcmDump | None = None

    # --- life -----------------------------------------------------------------------------------------------------

    def configured(self, config: VadConfig) -> None:
        self._holds_back = config.gate
        self._stillness = Stillness(config.still_dbfs)
        if config.dump:
            self._dump = PcmDump(config.dump_path, f"{self.vendor or self.name}_in")
        try:
            self._engine = self.make_engine(config)
        except EngineUnavailable as error:
            self._problem = str(error)
            return
        settings = GateSettings(
            config.vad_threshold, config.release_threshold, config.prefix_padding_ms, config.silence_duration_ms
        )
        if isinstance(self._engine, BatchingVadEngine) and not config.gate:
            self._network = self._engine.network
        if self._network is not None:
            self._batch = hop_batches.join(self._network)
        self._hop_ms = self._engine.hop_samples * 1000.0 / self._engine.sample_rate_hz
        self._gate = VoiceGate(settings, self._hop_ms)

    async def start_stage(self) -> None:
        if self._problem:
            self.report_error(names.CODE_FATAL, self._problem)

    async def stop_stage(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            if self._network is not None:
                hop_batches.leave(self._network)
            engine.close()
        if self._dump is not None:
            self._dump.close()

    # --- audio ----------------------------------------------------------------------------------------------------

    def handle_audio(self, frame: AudioFrame) -> None:
        view = self._reader.read(frame)
        if self._dump is not None:
            self._dump.write(view.pcm.tobytes())
        engine, gate = self._engine, self._gate
        if engine is None or gate is None or not len(view.pcm):
            self.post(self.env.send_audio_frame(frame))
            return
        from_hz = view.sample_rate_hz or engine.sample_rate_hz
        media_ms = float(view.timestamp_ms) if view.timestamp_ms > 0 else self._media_ms
        self._media_ms = media_ms + len(view.pcm) * 1000.0 / from_hz
        if not self._holds_back:
            self.post(self.env.send_audio_frame(frame))
        pcm = self._at_engine_rate(view.pcm, from_hz, engine.sample_rate_hz)
        if self._batch is not None:
            self._submit(engine, self._batch, pcm, media_ms, view.metadata)
            return
        events = self._step(engine, gate, pcm, media_ms)
        if self._holds_back:
            self._pass_gated(frame, len(view.pcm) * 1000.0 / from_hz, gate.speaking or bool(events))
        for event in events:
            self._announce(event, view.metadata)

    def _step(self, engine: VadEngine, gate: VoiceGate, pcm: Pcm16, media_ms: float) -> list[VoiceEvent]:
        """Decide over all whole hops at once."""
        events: list[VoiceEvent] = []
        stillness = self._stillness
        for samples, start_ms in self._whole_hops(engine, pcm, media_ms):
            is_still = stillness.has(samples, self._hop_ms)
            probability = None if is_still and stillness.is_settled else engine.probability(samples)
            event = gate.step(0.0 if is_still else probability, start_ms)
            if event is not None:
                events.append(event)
        return events

    def _submit(self, engine: VadEngine, batch: HopBatch, pcm: Pcm16, media_ms: float, metadata: messages.Json) -> None:
        """Decide over whole hops as soon as the network has run over them, together with those of other conversations."""
        for samples, start_ms in self._whole_hops(engine, pcm, media_ms):
            hop = _Hop(start_ms, metadata)
            self._in_flight.append(hop)
            if not self._stillness.has(samples, self._hop_ms):
                batch.submit(engine, samples, functools.partial(self._decided, hop))
                continue
            if not self._stillness.is_settled:
                batch.submit(engine, samples, _ignore)
            self._decided(hop, 0.0)

    def _decided(self, hop: _Hop, probability: float | None) -> None:
        hop.probability, hop.is_decided = probability, True
        while self._in_flight and self._in_flight[0].is_decided:
            first = self._in_flight.popleft()
            event = self._gate.step(first.probability, first.start_ms) if self._gate is not None else None
            if event is not None and not self.stopping:
                self._announce(event, first.metadata)

    def _whole_hops(self, engine: VadEngine, pcm: Pcm16, media_ms: float) -> list[tuple[Pcm16, float]]:
        """The hops of what has come so far, with the media time of each; the rest waits for the next frame."""
        hop = engine.hop_samples
        rest = self._rest
        start_ms = media_ms - len(rest) * 1000.0 / engine.sample_rate_hz
        if len(rest):
            pcm = np.concatenate([rest, pcm])
        hops: list[tuple[Pcm16, float]] = []
        position = 0
        while len(pcm) - position >= hop:
            hops.append((pcm[position : position + hop], start_ms))
            position += hop
            start_ms += self._hop_ms
        self._rest = pcm[position:]
        return hops

    def _at_engine_rate(self, pcm: Pcm16, from_hz: int, to_hz: int) -> Pcm16:
        if from_hz == to_hz:
            return pcm
        if self._resampler is None or self._resampler.from_hz != from_hz:
            self._resampler = StreamResampler(from_hz, to_hz)
        return self._resampler.process(pcm)

    def _pass_gated(self, frame: AudioFrame, length_ms: float, speech: bool) -> None:
        """Hold frames back until speech begins, then let the held ones out first."""
        self._pre_roll.append((frame, length_ms))
        self._pre_roll_ms += length_ms
        if speech:
            for held, _ in self._pre_roll:
                self.post(self.env.send_audio_frame(held))
            self._pre_roll.clear()
            self._pre_roll_ms = 0.0
            return
        # The gate decides `prefix_padding_ms` after the onset, so that much more is held.
        limit_ms = self.settings.pre_roll_ms + self.settings.prefix_padding_ms + 100.0
        while self._pre_roll_ms > limit_ms:
            _, gone_ms = self._pre_roll.popleft()
            self._pre_roll_ms -= gone_ms

    def _announce(self, event: VoiceEvent, metadata: messages.Json) -> None:
        name = names.START_OF_SENTENCE if event.change is VoiceChange.START else names.END_OF_SENTENCE
        body = {
            "session_id": metadata.get("session_id", ""),
            "timestamp_ms": round(event.timestamp_ms),
            "decided_ms": round(event.decided_ms),
            "probability": round(event.probability, 3),
            "metadata": metadata,
        }
        self.send_cmd(name, body)
