"""Bases for extensions, message names and typed helpers: the only room of the kit that imports the runtime."""

from stream_talk.ten.asr import AsrExtension
from stream_talk.ten.config import (
    AsrConfig,
    EngineSettings,
    FallbackSettings,
    LlmConfig,
    StageConfig,
    TtsConfig,
    VadConfig,
)
from stream_talk.ten.llm import LlmExtension
from stream_talk.ten.stage import StageExtension
from stream_talk.ten.tts import TtsExtension
from stream_talk.ten.vad import VadExtension

__all__ = [
    "AsrConfig",
    "AsrExtension",
    "EngineSettings",
    "FallbackSettings",
    "LlmConfig",
    "LlmExtension",
    "StageConfig",
    "StageExtension",
    "TtsConfig",
    "TtsExtension",
    "VadConfig",
    "VadExtension",
]
