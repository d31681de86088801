"""What the echo guard's noise suppression does to recognition: words wrong without it and with it, in a quiet and in a noisy room.

White noise over the whole recording, from two seconds before the speech on; pocketsphinx behind the guard, nothing from the loudspeaker.
"""

from __future__ import annotations

import numpy as np

from bench import recorded_speech
from bench.recorded_speech import Pcm16
from bench.stage_measures.common import PER_MS, Never, Row, stage_module, trimmed_prompts

EchoGuardEngine = stage_module("echo_guard_python").EchoGuardEngine
Processing = stage_module("echo_guard_python").Processing
PocketsphinxEngine = stage_module("pocketsphinx_asr_python").PocketsphinxEngine

_LEVELS = (3, 300)  # RMS; the voice has about 5,500
_BEFORE = 2000 * PER_MS
_HEARD_BEFORE = 300 * PER_MS
_AFTER = 200 * PER_MS
_CHUNK = 20 * PER_MS


def measure(count: int) -> list[Row]:
    engine = PocketsphinxEngine()
    engine.load()
    rows: list[Row] = []
    for level in _LEVELS:
        errors = dict.fromkeys((False, True), 0)
        words = 0
        for number, (prompt, speech) in enumerate(trimmed_prompts(count)):
            words += len(prompt.words)
            microphone = _in_noise(speech, level, number)
            for suppression in errors:
                heard = _recognised(engine, _guarded(microphone, suppression)[_BEFORE - _HEARD_BEFORE :])
                errors[suppression] += recorded_speech.word_errors(prompt.words, heard)
        rows.append(
            {
                "noise_rms": level,
                "words": words,
                "word_error_rate_unsuppressed": round(errors[False] / words, 3),
                "word_error_rate_suppressed": round(errors[True] / words, 3),
            }
        )
    return rows


def _in_noise(speech: Pcm16, level: float, seed: int) -> Pcm16:
    sound = np.concatenate([np.zeros(_BEFORE), speech, np.zeros(_AFTER)])
    sound += np.random.default_rng(seed).standard_normal(len(sound)) * level
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def _guarded(microphone: Pcm16, noise_suppression: bool) -> Pcm16:
    guard = EchoGuardEngine(Processing(noise_suppression=noise_suppression))
    guard.load()
    return guard.process(microphone, np.zeros_like(microphone))


def _recognised(engine: PocketsphinxEngine, sound: Pcm16) -> list[str]:
    engine.open_segment("s", {})
    for start in range(0, len(sound), _CHUNK):
        list(engine.feed("s", sound[start : start + _CHUNK]))
    return [word.text for word in list(engine.finish("s", Never()))[-1].words]
