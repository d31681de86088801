"""A question to try a graph with, where nobody has recorded one."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
from stream_talk.audio.wav import write_wav
from stream_talk.engines.interfaces import EngineUnavailable, SpeechRequest

from stream_talk_cli.errors import CommandError

QUESTION = "What can you do?"
VOICE, RATE = "en-us+f3", 0.85  # of the embedded voices, the one that the embedded recogniser understands best


class _Never:
    cancelled = False


def bundled_question(directory: Path, text: str = QUESTION) -> Path:
    """The question as a WAV file, spoken by the embedded voice: small, and in every installation."""
    engine_module = importlib.import_module("ten_packages.extension.espeak_tts_python.engine")
    engine = engine_module.EspeakEngine(voice=VOICE, rate=RATE)
    try:
        engine.load()
        chunks = [chunk.pcm for chunk in engine.speak(SpeechRequest(text), _Never())]
    except EngineUnavailable as error:
        raise CommandError(f"cannot speak the bundled question: {error}") from None
    finally:
        engine.close()
    path = directory / "question.wav"
    write_wav(path, np.concatenate(chunks), engine.sample_rate_hz)
    return path
