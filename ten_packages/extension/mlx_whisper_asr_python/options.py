"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MlxOptions:
    model: str = "mlx-community/whisper-large-v3-turbo-asr-fp16"
    """A folder, or a name on Hugging Face: Whisper, Parakeet or SenseVoice."""
    library: Literal["mlx-audio", "mlx-whisper"] = "mlx-audio"
    language: str = ""
    """Empty detects it; Parakeet always does."""
    hot_words: tuple[str, ...] = ()
    """Whisper in mlx-audio only."""
    prompt: str = ""
    partials: bool = True
    partial_interval_ms: int = 500
    """Every look costs Whisper a full encoder pass here: MLX has no short window."""
    itn: bool = True
    """SenseVoice: digits and punctuation."""
    download: bool = False
    """Fetch a missing model while loading, instead of saying how to."""

    def __post_init__(self) -> None:
        # Options arrive as JSON, in which a tuple is a list.
        object.__setattr__(self, "hot_words", tuple(self.hot_words))
