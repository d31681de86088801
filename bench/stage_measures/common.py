"""What the measurements of the stages share: recordings with a little noise around them, and percentiles."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench import recorded_speech
from bench.recorded_speech import SAMPLE_RATE_HZ, Pcm16, Prompt

Row = dict[str, float | int | str]
PER_MS = SAMPLE_RATE_HZ // 1000


def stage_module(extension: str, module: str = "engine") -> Any:
    """A module of a stage, by name: what is measured here is what a graph file would start."""
    return importlib.import_module(f"ten_packages.extension.{extension}.{module}")


class Never:
    """A cancel token that nobody pulls."""

    cancelled = False


class Room:
    """Quiet noise, the same every time."""

    def __init__(self, seed: int = 0, level: float = 4.0) -> None:
        self._random = np.random.default_rng(seed)
        self._level = level

    def noise(self, duration_ms: float) -> Pcm16:
        return (self._random.standard_normal(round(duration_ms * PER_MS)) * self._level).astype(np.int16)

    def around(self, speech: Pcm16, before_ms: float, after_ms: float) -> Pcm16:
        return np.concatenate([self.noise(before_ms), speech, self.noise(after_ms)])


def trimmed_prompts(count: int, *, min_words: int = 3, seed: int = 7) -> Iterator[tuple[Prompt, Pcm16]]:
    for prompt in recorded_speech.sample(count, min_words=min_words, seed=seed):
        yield prompt, recorded_speech.trimmed(recorded_speech.pcm(prompt))


def spread(values: list[float], prefix: str, digits: int = 1) -> Row:
    """p50, p95 and max of something."""
    if not values:
        return {f"{prefix}_p50": float("nan")}
    array = np.asarray(values)
    return {
        f"{prefix}_p50": round(float(np.percentile(array, 50)), digits),
        f"{prefix}_p95": round(float(np.percentile(array, 95)), digits),
        f"{prefix}_max": round(float(array.max()), digits),
    }
