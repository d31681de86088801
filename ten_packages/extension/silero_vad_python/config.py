"""Properties of the Silero detector."""

from __future__ import annotations

from stream_talk.ten.config import VadConfig


class SileroVadConfig(VadConfig):
    prefix_padding_ms: float = 96.0
    model_path: str = ""
    """Empty: the model inside an installed package (silero-vad, faster-whisper, pipecat-ai)."""
