from __future__ import annotations

import pytest
from stream_talk.engines.interfaces import Pcm16
from stream_talk.testing.conformance_vad import VadConformance

from tests import speech as recordings


@pytest.mark.speech
class TestConformance(VadConformance):
    addon = "ten_vad_python"
    properties = {}

    @pytest.fixture
    def speech(self) -> Pcm16:
        recordings.require()
        return recordings.trimmed(recordings.pcm("conf-kicked"))
