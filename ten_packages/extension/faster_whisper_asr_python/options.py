"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class WhisperOptions:
    model: str = "tiny"
    """A size (tiny, base, small, medium, large-v3, large-v3-turbo, distil-large-v3.5, ...) or a folder of a converted model."""
    language: str = ""
    """Empty detects it once per utterance."""
    languages: tuple[str, ...] = ()
    """When detecting: only these, for example ["en", "zh"]."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    """auto is int8 on the CPU and float16 on CUDA."""
    cpu_threads: int = 0
    """0 leaves one core to the rest of the conversation where there are more than two."""
    beam_size: int = 1
    """Of the final; partials are always greedy. 5 is worth its time on a GPU only."""
    hot_words: tuple[str, ...] = ()
    prompt: str = ""
    """Text that the model takes for what came before: a style, or a script ("以下是普通话的句子。")."""
    partials: bool = True
    partial_interval_ms: int = 400
    window_floor_ms: int = 10_000
    """The model hears at least this much, padded with silence. Shorter is faster and, below 10 s, less accurate; 30000 is stock."""
    window_margin_ms: int = 2_000
    """Silence after the speech; Whisper repeats itself without it."""
    download: bool = False
    """Fetch a missing model while loading, instead of saying how to."""
    download_dir: str = ""

    def __post_init__(self) -> None:
        # Options arrive as JSON, in which a tuple is a list.
        object.__setattr__(self, "languages", tuple(self.languages))
        object.__setattr__(self, "hot_words", tuple(self.hot_words))
