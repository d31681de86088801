from __future__ import annotations

import numpy as np
import pytest
from stream_talk.engines.interfaces import Pcm16
from stream_talk.testing.conformance_asr import AsrConformance

from tests import speech


@pytest.mark.speech
class TestConformance(AsrConformance):
    addon = "pocketsphinx_asr_python"
    properties = {"params": {"language": "en-US"}}
    unavailable_properties = {"params": {"hmm": "/no/such/model"}}

    @pytest.fixture(scope="class")
    def clip(self) -> Pcm16:
        speech.require()
        return np.concatenate([speech.pcm("conf-kicked"), np.zeros(4800, np.int16)])
