"""pocketsphinx on recorded prompts: words wrong, time to the first partial, time to the final after the end."""

from __future__ import annotations

import time

from bench import recorded_speech
from bench.stage_measures.common import PER_MS, Never, Room, Row, spread, stage_module, trimmed_prompts

PocketsphinxEngine = stage_module("pocketsphinx_asr_python").PocketsphinxEngine

_BEFORE_MS, _AFTER_MS = 300.0, 200.0
_CHUNK = 20 * PER_MS


def measure(count: int) -> list[Row]:
    engine = PocketsphinxEngine()
    engine.load()
    engine.warm_up()
    room = Room(level=3.0)
    errors = words = exact = partials = 0
    first, feeds, finals, stable_share = [], [], [], []
    audio_s = cpu_s = 0.0
    for prompt, speech in trimmed_prompts(count):
        audio = room.around(speech, _BEFORE_MS, _AFTER_MS)
        audio_s += len(audio) / PER_MS / 1000
        engine.open_segment("s", {})
        first_ms: float | None = None
        stable = 0
        cpu_began = time.process_time()
        for start in range(0, len(audio), _CHUNK):
            began = time.perf_counter()
            for partial in engine.feed("s", audio[start : start + _CHUNK]):
                partials += 1
                stable = sum(word.stable for word in partial.words)
                if first_ms is None:
                    first_ms = (start + _CHUNK) / PER_MS - _BEFORE_MS
            feeds.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        final = list(engine.finish("s", Never()))[-1]
        finals.append((time.perf_counter() - began) * 1000)
        cpu_s += time.process_time() - cpu_began
        heard = [word.text for word in final.words]
        errors += recorded_speech.word_errors(prompt.words, heard)
        words += len(prompt.words)
        exact += heard == prompt.words
        stable_share.append(stable / max(1, len(heard)))
        if first_ms is not None:
            first.append(first_ms)
    return [
        {
            "engine": "pocketsphinx",
            "prompts": count,
            "words": words,
            "word_error_rate": round(errors / words, 3),
            "exact": exact,
            **spread(first, "first_partial_ms", 0),
            "partials_per_prompt": round(partials / count, 1),
            "stable_before_final": round(sum(stable_share) / count, 2),
            **spread(feeds, "chunk_20ms_ms"),
            **spread(finals, "final_ms"),
            "cpu_s_per_audio_s": round(cpu_s / audio_s, 3),
        }
    ]
