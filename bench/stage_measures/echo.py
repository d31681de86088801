"""The echo guard on a synthetic room: how much of our own voice it takes away, what it costs, and what the VAD then hears.

Our voice (espeak reading prompts) comes back through a 120 ms reverberation at -10 dB after `delay_ms`. Playout reports arrive every
100 ms with 15 ms of jitter, as from a browser. Double talk: recorded human speech over the last ten seconds.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from stream_talk.audio.resample import resample_whole
from stream_talk.audio.voice_gate import GateSettings, VoiceChange, VoiceGate
from stream_talk.engines.interfaces import SpeechRequest

from bench.recorded_speech import SAMPLE_RATE_HZ, Pcm16
from bench.stage_measures.common import PER_MS, Never, Row, stage_module, trimmed_prompts

EchoGuardEngine = stage_module("echo_guard_python").EchoGuardEngine
Processing = stage_module("echo_guard_python").Processing
PlaybackReference = stage_module("echo_guard_python", "reference").PlaybackReference
EspeakEngine = stage_module("espeak_tts_python").EspeakEngine
TenVadEngine = stage_module("ten_vad_python").TenVadEngine

_SECONDS = 24
_TALK_FROM_S = 14
_FRAME = 20 * PER_MS


def measure(_count: int) -> list[Row]:
    voice = _own_voice()
    rows = []
    for delay_ms in (60, 200):
        for noise_suppression in (False, True):
            rows.append(_room(voice, delay_ms, noise_suppression=noise_suppression))
    return [*rows, *(_headset(voice, stand_aside=stand_aside) for stand_aside in (False, True))]


def _own_voice() -> Pcm16:
    engine = EspeakEngine(voice="en-us")
    engine.load()
    pieces = []
    for prompt, _ in trimmed_prompts(12, min_words=8):
        made = np.concatenate([chunk.pcm for chunk in engine.speak(SpeechRequest(prompt.text), Never())])
        pieces.append(resample_whole(made, engine.sample_rate_hz, SAMPLE_RATE_HZ))
    return np.concatenate(pieces)[: _SECONDS * SAMPLE_RATE_HZ]


def _room(voice: Pcm16, delay_ms: int, *, noise_suppression: bool) -> Row:
    random = np.random.default_rng(3)
    response = random.standard_normal(120 * PER_MS) * np.exp(-np.arange(120 * PER_MS) / 300)
    response *= 10 ** (-10 / 20) / np.sqrt((response**2).sum())
    echo = np.concatenate([np.zeros(delay_ms * PER_MS), np.convolve(voice, response)])[: len(voice)]
    echo += random.standard_normal(len(voice)) * 20
    person = _person(len(voice))
    alone, _ = _guard(voice, echo, Processing(noise_suppression=noise_suppression))
    both, cost_ms = _guard(voice, echo + person, Processing(noise_suppression=noise_suppression))
    return {
        "delay_ms": delay_ms,
        "noise_suppression": str(noise_suppression).lower(),
        **{f"erle_db_{a}_{b}s": _erle_db(echo, alone, a, b) for a, b in ((0, 2), (2, 6), (6, 12), (12, 24))},
        "false_onsets_raw": _onsets(_to_pcm(echo)),
        "false_onsets_guarded": _onsets(alone),
        "barge_in_heard_after_ms": _heard_after(both),
        "cost_ms_per_10ms": round(cost_ms, 3),
    }


def _person(length: int) -> np.ndarray:
    """Somebody talks over our voice, from the fourteenth second on."""
    person = np.zeros(length)
    talk = np.concatenate([np.concatenate([speech, np.zeros(8000)]) for _, speech in trimmed_prompts(4, seed=3)])
    start = _TALK_FROM_S * SAMPLE_RATE_HZ
    person[start : start + len(talk)] = talk[: length - start]
    return person


def _headset(voice: Pcm16, *, stand_aside: bool) -> Row:
    """No echo at all: what is left of a person who talks over our voice, and what it costs."""
    person = _person(len(voice))
    noise = np.random.default_rng(3).standard_normal(len(voice)) * 20
    cleaned, cost_ms = _guard(voice, person + noise, Processing(stand_aside=stand_aside))
    spoken = person[: len(cleaned)] != 0
    kept = cleaned[spoken].astype(np.float64)
    silenced = [not cleaned[i : i + _FRAME // 2].any() for i in range(0, len(cleaned), _FRAME // 2) if spoken[i]]
    return {
        "room": "headset",
        "stand_aside": str(stand_aside).lower(),
        "speech_over_our_voice_db": round(
            float(10 * np.log10((kept**2).sum() / (person[: len(cleaned)] ** 2).sum())), 1
        ),
        "speech_silenced_percent": round(100 * float(np.mean(silenced))),
        "cost_ms_per_10ms": round(cost_ms, 3),
    }


def _guard(voice: Pcm16, microphone: np.ndarray, processing: Any) -> tuple[Pcm16, float]:
    engine = EchoGuardEngine(processing)
    engine.load()
    reference = PlaybackReference()
    reference.push("r", 1, voice)
    jitter = np.random.default_rng(1)
    heard = _to_pcm(microphone)
    cleaned = []
    began = time.process_time()
    for start in range(0, len(heard) - _FRAME + 1, _FRAME):
        if start % (100 * PER_MS) == 0:
            reference.report("r", 1, max(0.0, start / PER_MS + jitter.uniform(-15, 15)), "playing")
        cleaned.append(engine.process(heard[start : start + _FRAME], reference.pull(_FRAME)))
    cost_ms = (time.process_time() - began) * 1000 / (len(heard) / (10 * PER_MS))
    return np.concatenate(cleaned), cost_ms


def _erle_db(echo: np.ndarray, cleaned: Pcm16, start_s: int, end_s: int) -> float:
    part = slice(start_s * SAMPLE_RATE_HZ, min(end_s * SAMPLE_RATE_HZ, len(cleaned)))
    before, after = (echo[part] ** 2).mean(), (cleaned[part].astype(np.float64) ** 2).mean()
    return round(float(10 * np.log10(before / (after + 1e-9))), 1)


def _starts(audio: Pcm16) -> list[float]:
    vad = TenVadEngine(16)
    vad.load()
    gate = VoiceGate(GateSettings(prefix_padding_ms=96, release_threshold=0.45), 16.0)
    found = []
    for start in range(0, len(audio) - 255, 256):
        event = gate.step(vad.probability(audio[start : start + 256]), start / PER_MS)
        if event is not None and event.change is VoiceChange.START:
            found.append(event.decided_ms)
    return found


def _onsets(audio: Pcm16) -> int:
    return len(_starts(audio))


def _heard_after(audio: Pcm16) -> float:
    spoken_ms = _TALK_FROM_S * 1000.0
    return next((round(at - spoken_ms) for at in _starts(audio) if at >= spoken_ms), float("nan"))


def _to_pcm(samples: np.ndarray) -> Pcm16:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
