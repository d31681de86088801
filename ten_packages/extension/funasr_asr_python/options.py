"""What the engine can be told; plain dataclass, because the worker's environment need not have pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FunAsrOptions:
    streaming_model: str = "paraformer-zh-streaming"
    """Writes while the person speaks (Chinese and some English). Empty: the final model listens again and again instead."""
    final_model: str = "iic/SenseVoiceSmall"
    """Hears the whole utterance once more: better text, punctuation, language. Empty: the streamed text is final."""
    punctuation_model: str = ""
    """For streamed text that no final model corrects, for example ct-punc."""
    language: str = "auto"
    """auto, zh, en, yue, ja or ko; Japanese, Korean and Cantonese need the final model."""
    hot_words: tuple[str, ...] = ()
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    threads: int = 2
    feed_ms: int = 200
    """Audio is handed to the streaming model in pieces of this length."""
    chunk_size: tuple[int, int, int] = (0, 10, 5)
    """In steps of 60 ms: the model writes once per 600 ms and looks 300 ms ahead. (0, 8, 4) is a little quicker."""
    partial_interval_ms: int = 400
    """Only without a streaming model."""
    itn: bool = True
    """Numbers as digits, and punctuation, from the final model."""
    download: bool = False
    """Fetch a missing model from ModelScope while loading, instead of saying how to."""

    def __post_init__(self) -> None:
        # Options arrive as JSON, in which a tuple is a list.
        object.__setattr__(self, "hot_words", tuple(self.hot_words))
        object.__setattr__(self, "chunk_size", tuple(self.chunk_size))
