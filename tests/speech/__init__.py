"""Recorded human speech for tests. `require()` skips with the reason where the recordings are not installed."""

from __future__ import annotations

import pytest

from bench import recorded_speech
from bench.recorded_speech import Prompt, by_name, pcm, sample, trimmed, wav_path, word_errors

__all__ = ["Prompt", "by_name", "pcm", "require", "sample", "trimmed", "wav_path", "word_errors"]


def require() -> None:
    reason = recorded_speech.missing()
    if reason is not None:
        pytest.skip(reason)
