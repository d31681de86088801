"""How late, how wrong and how dear the voice detectors are. Truth: the recording's own level (-38 dB below its loudest)."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from stream_talk.audio.stillness import Stillness
from stream_talk.audio.voice_gate import GateSettings, VoiceChange, VoiceEvent, VoiceGate
from stream_talk.ten.config import VadConfig

from bench.recorded_speech import Pcm16
from bench.stage_measures.common import PER_MS, Room, Row, spread, stage_module, trimmed_prompts

SileroVadEngine = stage_module("silero_vad_python").SileroVadEngine
EnergyVadEngine = stage_module("ten_vad_python", "energy").EnergyVadEngine
TenVadEngine = stage_module("ten_vad_python").TenVadEngine

ALWAYS = -120.0
_BEFORE_MS = _AFTER_MS = 1000.0
_GATES = {
    "ten-vad 16 ms": GateSettings(prefix_padding_ms=96, release_threshold=0.45),
    "ten-vad 10 ms": GateSettings(prefix_padding_ms=96, release_threshold=0.45),
    "silero": GateSettings(prefix_padding_ms=96),
    "energy": GateSettings(prefix_padding_ms=96),
}


def measure(count: int) -> list[Row]:
    """Each as its stage runs it, and with the engine asked about silence that nobody could hear too."""
    engines = {
        "ten-vad 16 ms": lambda: TenVadEngine(16),
        "ten-vad 10 ms": lambda: TenVadEngine(10),
        "silero": SileroVadEngine,
        "energy": EnergyVadEngine,
    }
    still_dbfs = VadConfig().still_dbfs
    return [_engine(name, make, count, dbfs) for dbfs in (still_dbfs, ALWAYS) for name, make in engines.items()]


def _engine(name: str, make: Any, count: int, still_dbfs: float) -> Row:
    engine = make()
    engine.load()
    room = Room()
    audio_ms = 0.0
    onset, onset_decided, offset, offset_decided, costs, gate_costs, segments, missed = [], [], [], [], [], [], 0, 0
    for _, speech in trimmed_prompts(count):
        engine.reset()
        audio = room.around(speech, _BEFORE_MS, _AFTER_MS)
        audio_ms += len(audio) / PER_MS
        events = _events(engine, audio, _GATES[name], Stillness(still_dbfs), costs, gate_costs)
        if not events:
            missed += 1
            continue
        end_ms = _BEFORE_MS + len(speech) / PER_MS
        onset.append(events[0].timestamp_ms - _BEFORE_MS)
        onset_decided.append(events[0].decided_ms - _BEFORE_MS)
        offset.append(events[-1].timestamp_ms - end_ms)
        offset_decided.append(events[-1].decided_ms - end_ms)
        segments += sum(event.change is VoiceChange.START for event in events)
    return {
        "engine": name,
        "asked_about_silence": still_dbfs == ALWAYS,
        "prompts": count,
        "missed": missed,
        "segments_per_prompt": round(segments / max(1, count - missed), 3),
        **spread(onset, "onset_error_ms", 0),
        **spread(onset_decided, "onset_decided_ms", 0),
        **spread(offset, "offset_error_ms", 0),
        **spread(offset_decided, "offset_decided_ms", 0),
        "cpu_ms_per_s": round(1000.0 * float(np.sum(costs)) / audio_ms, 2),
        "gate_us_per_hop": round(1000.0 * float(np.median(gate_costs)), 2),
        "further_session_mb": round(_further_session_mb(make), 3),
    }


def _events(
    engine: Any, audio: Pcm16, settings: GateSettings, stillness: Stillness, costs: list[float], gate_costs: list[float]
) -> list[VoiceEvent]:
    hop_ms = engine.hop_samples / PER_MS
    gate = VoiceGate(settings, hop_ms)
    events = []
    for start in range(0, len(audio) - engine.hop_samples + 1, engine.hop_samples):
        hop = audio[start : start + engine.hop_samples]
        began = time.perf_counter()
        is_still = stillness.has(hop, hop_ms)
        probability = None if is_still and stillness.is_settled else engine.probability(hop)
        decided = time.perf_counter()
        event = gate.step(0.0 if is_still else probability, start / PER_MS)
        gate_costs.append((time.perf_counter() - decided) * 1000)
        costs.append((decided - began) * 1000)
        if event is not None:
            events.append(event)
    return events


def _further_session_mb(make: Any) -> float:
    """Resident memory of one more session's engine, after it heard something."""

    def session() -> Any:
        engine = make()
        engine.load()
        engine.probability(np.zeros(engine.hop_samples, np.int16))
        return engine

    first = session()
    before = _resident_mb()
    further = [session() for _ in range(20)]
    grown = _resident_mb() - before
    del first, further
    return grown / 20


def _resident_mb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
