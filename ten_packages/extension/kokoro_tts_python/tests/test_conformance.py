"""TEN's conditions on the whole stage, with the real engine in its worker process. Runs in tests/environments/voices."""

from __future__ import annotations

import pytest
from stream_talk.testing.conformance_tts import TtsConformance

from tests.fixtures import kokoro_voice

pytest.importorskip("kokoro_onnx", reason="runs in tests/environments/voices")
pytest.importorskip("onnx", reason="runs in tests/environments/voices")


@pytest.fixture(scope="class")
def voice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    model, voices = kokoro_voice.make(tmp_path_factory.mktemp("kokoro"))
    request.cls.properties = {"params": {"model": str(model), "voices": str(voices)}}


@pytest.mark.usefixtures("voice")
class TestConformance(TtsConformance):
    addon = "kokoro_tts_python"
    properties = {}
    invalid_properties = {"params": {"model": "/no/such/model.onnx", "voices": "/no/such/voices.bin"}}
    missing_properties = {"params": {}}
