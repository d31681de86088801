"""TEN's conditions on the whole stage, with the real engine in its worker process. Runs in tests/environments/voices."""

from __future__ import annotations

import pytest
from stream_talk.testing.conformance_tts import TtsConformance

from tests.fixtures import piper_voice

pytest.importorskip("piper", reason="runs in tests/environments/voices")
pytest.importorskip("onnx", reason="runs in tests/environments/voices")


@pytest.fixture(scope="class")
def voice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    request.cls.properties = {"params": {"model": str(piper_voice.make(tmp_path_factory.mktemp("piper")))}}


@pytest.mark.usefixtures("voice")
class TestConformance(TtsConformance):
    addon = "piper_tts_python"
    properties = {}
    invalid_properties = {"params": {"model": "/no/such/voice.onnx"}}
    missing_properties = {"params": {}}
