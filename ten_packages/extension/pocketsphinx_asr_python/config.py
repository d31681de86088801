"""Properties of the pocketsphinx recogniser."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stream_talk.ten.config import AsrConfig


class PocketsphinxParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: str = "en-US"
    hmm: str = ""
    """Folder of an acoustic model; empty is the bundled US English."""
    lm: str = ""
    dictionary: str = ""
    hot_words: dict[str, str] = Field(default_factory=dict)
    """Words to add, with their ARPABET phones: {"streamtalk": "S T R IY M T AO K"}."""
    max_decoders: int = Field(4, ge=1, le=64)
    """People who may speak at the same moment; each decoder holds about 90 MB."""
    partial_interval_ms: int = Field(100, ge=20, le=2000)


class PocketsphinxConfig(AsrConfig):
    params: PocketsphinxParams = Field(default_factory=PocketsphinxParams)
