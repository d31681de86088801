"""The voice activity base with a level meter for an engine, against the suite that real engines must pass."""

from __future__ import annotations

import numpy as np
import pytest
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import VadExtension
from stream_talk.testing.conformance_vad import VadConformance
from stream_talk.testing.engines import LevelVad
from stream_talk.testing.stage import register_for_test


class LevelVadExtension(VadExtension):
    vendor = "level"
    engine_class = LevelVad


register_for_test("LevelVad", LevelVadExtension)


class TestLevel(VadConformance):
    addon = "LevelVad"
    properties = {}

    @pytest.fixture
    def speech(self) -> Pcm16:
        return (np.sin(np.arange(24000) * 0.06) * 8000).astype(np.int16)
