"""Do the turn detectors tell a whole sentence from one cut between words? And how long would each make the person wait?

Every prompt is heard twice: whole, and cut after one of its inner words (with a short fade, as when someone hesitates). The words
are those that pocketsphinx understood, so its errors are part of the figures. `wait_ms` is what main_control's policy makes of
the probability: for whole sentences low is good, for cut ones high is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from stream_talk.audio.voice_gate import GateSettings, VoiceChange, VoiceGate
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.turn.endpoint import EndpointSettings, wait_ms

from bench.recorded_speech import Pcm16
from bench.stage_measures.common import PER_MS, Never, Room, Row, spread, stage_module, trimmed_prompts

PocketsphinxEngine = stage_module("pocketsphinx_asr_python").PocketsphinxEngine
TenVadEngine = stage_module("ten_vad_python").TenVadEngine
Opinion = stage_module("turn_detection_python", "opinion").Opinion
WINDOW_MS = stage_module("turn_detection_python", "prosody").WINDOW_MS
finished_probability = stage_module("turn_detection_python", "prosody").finished_probability
SmartTurnEngine = stage_module("turn_detection_python", "smart_turn").SmartTurnEngine

_AROUND_MS = 500.0
_FADE = 30 * PER_MS
_GATE = GateSettings(prefix_padding_ms=96, release_threshold=0.45)


@dataclass
class _Case:
    whole: bool
    words: float
    prosody: float | None
    smart_turn: float | None
    text: str


def measure(count: int, smart_turn_model: str = "") -> list[Row]:
    asr = PocketsphinxEngine()
    asr.load()
    asr.warm_up()
    smart_turn = _smart_turn(smart_turn_model)
    costs: dict[str, list[float]] = {"words": [], "prosody": [], "smart_turn": []}
    cases = []
    for whole, audio in _audio(asr, count):
        text = _heard(asr, audio)
        voice_end = _voice_end(audio)
        opinion = Opinion()
        began = time.perf_counter()
        opinion.heard(text)
        by_words = opinion.decide().probability
        costs["words"].append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        by_prosody = finished_probability(audio[max(0, voice_end - WINDOW_MS * PER_MS) : voice_end])
        costs["prosody"].append((time.perf_counter() - began) * 1000)
        by_smart_turn = None
        if smart_turn is not None:
            began = time.perf_counter()
            by_smart_turn = smart_turn.probability(audio[: voice_end + 200 * PER_MS])
            costs["smart_turn"].append((time.perf_counter() - began) * 1000)
        cases.append(_Case(whole, by_words, by_prosody, by_smart_turn, text))
    return _rows(cases, costs, has_smart_turn=smart_turn is not None)


def _smart_turn(model: str) -> Any:
    engine = SmartTurnEngine(model)
    try:
        engine.load()
    except EngineUnavailable as missing:
        print(f"without smart-turn: {missing}")
        return None
    engine.warm_up()
    return engine


def _audio(asr: Any, count: int) -> Iterator[tuple[bool, Pcm16]]:
    room, random = Room(), np.random.default_rng(0)
    for _, speech in trimmed_prompts(count, min_words=4, seed=11):
        audio = room.around(speech, _AROUND_MS, _AROUND_MS)
        asr.open_segment("s", {})
        asr.feed("s", audio)
        words = list(asr.finish("s", Never()))[-1].words
        if len(words) < 4:
            continue
        last = words[int(random.integers(1, max(2, len(words) - 1)))]
        cut = audio[: (last.start_ms + last.duration_ms) * PER_MS].astype(np.float64)
        cut[-_FADE:] *= np.linspace(1.0, 0.0, _FADE)
        yield True, audio
        yield False, np.concatenate([cut.astype(np.int16), room.noise(_AROUND_MS)])


def _heard(asr: Any, audio: Pcm16) -> str:
    asr.open_segment("s", {})
    asr.feed("s", audio)
    return list(asr.finish("s", Never()))[-1].text


def _voice_end(audio: Pcm16) -> int:
    vad = TenVadEngine(16)
    vad.load()
    gate = VoiceGate(_GATE, vad.hop_samples / PER_MS)
    end = len(audio)
    for start in range(0, len(audio) - vad.hop_samples + 1, vad.hop_samples):
        event = gate.step(vad.probability(audio[start : start + vad.hop_samples]), start / PER_MS)
        if event is not None and event.change is VoiceChange.END:
            end = int(event.timestamp_ms) * PER_MS
    return end


def _rows(cases: list[_Case], costs: dict[str, list[float]], *, has_smart_turn: bool) -> list[Row]:
    kinds = {"words": ("words",), "words + prosody": ("words", "prosody")}
    if has_smart_turn:
        kinds["smart-turn alone"] = ("smart_turn",)
        kinds["words + prosody + smart-turn"] = ("words", "prosody", "smart_turn")
    rows: list[Row] = []
    for name, sources in kinds.items():
        probabilities = {
            whole: [_fused(case, sources) for case in cases if case.whole is whole] for whole in (True, False)
        }
        waits = {
            whole: [wait_ms(value, EndpointSettings()) for value in values] for whole, values in probabilities.items()
        }
        rows.append(
            {
                "detector": name,
                "whole": len(probabilities[True]),
                "cut": len(probabilities[False]),
                "whole_right": round(float(np.mean([p >= 0.5 for p in probabilities[True]])), 3),
                "cut_right": round(float(np.mean([p < 0.5 for p in probabilities[False]])), 3),
                **spread(waits[True], "wait_whole_ms", 0),
                "wait_cut_ms_p50": round(float(np.median(waits[False]))),
                "wait_cut_ms_p5": round(float(np.percentile(waits[False], 5))),
                "cost_ms_p50": round(sum(float(np.median(costs[source])) for source in sources), 2),
            }
        )
    return rows


def _fused(case: _Case, sources: tuple[str, ...]) -> float:
    if sources == ("smart_turn",):
        return case.smart_turn or 0.0
    opinion = Opinion()
    opinion.heard(case.text)
    opinion.prosody = case.prosody if "prosody" in sources else None
    opinion.smart_turn = case.smart_turn if "smart_turn" in sources else None
    return opinion.decide().probability
