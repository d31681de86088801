"""The recognition base with a scripted engine, under every placement, against the suite that real engines must pass."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from pydantic import BaseModel
from stream_talk.engines.host import Placement
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import AsrConfig, AsrExtension
from stream_talk.testing.conformance_asr import AsrConformance
from stream_talk.testing.engines import ScriptedAsr
from stream_talk.testing.stage import register_for_test


class ScriptedParams(BaseModel):
    language: str = "en"
    unavailable: str = ""


class ScriptedConfig(AsrConfig):
    params: ScriptedParams = ScriptedParams()


class InlineScripted(AsrExtension):
    vendor = "scripted"
    config_model = ScriptedConfig
    engine_class = ScriptedAsr
    placement: ClassVar[Placement] = "inline"


class ThreadScripted(InlineScripted):
    placement: ClassVar[Placement] = "thread"


class ProcessScripted(InlineScripted):
    placement: ClassVar[Placement] = "process"


for extension in (InlineScripted, ThreadScripted, ProcessScripted):
    register_for_test(extension.__name__, extension)


class TestInline(AsrConformance):
    addon = "InlineScripted"
    properties = {}
    unavailable_properties = {"params": {"unavailable": "the model is not there"}}

    @pytest.fixture
    def clip(self) -> Pcm16:
        """A voice-like buzz of one second between silences."""
        time_s = np.arange(16000) / 16000
        buzz = np.sin(2 * np.pi * 150 * time_s) * (1 + np.sin(2 * np.pi * 5 * time_s)) * 5000
        pad = np.zeros(4800, np.int16)
        return np.concatenate([pad, buzz.astype(np.int16), pad])


class TestThread(TestInline):
    addon = "ThreadScripted"


class TestProcess(TestInline):
    addon = "ProcessScripted"
