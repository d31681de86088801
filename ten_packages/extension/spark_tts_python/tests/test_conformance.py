"""TEN's conditions on the whole stage; upstream is stood in for (its model cannot be run here). Runs in tests/environments/voices."""

from __future__ import annotations

import pytest
from stream_talk.testing.conformance_tts import TtsConformance

from . import folder

pytest.importorskip("torch", reason="runs in tests/environments/voices")


@pytest.fixture(scope="class")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    params = folder.make(tmp_path_factory.mktemp("spark"), "torch")
    request.cls.properties = {"params": params}
    request.cls.invalid_properties = {"params": {**params, "model_dir": "/no/such/folder"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # torch's threads are slower than one on a machine that is busy
        yield


@pytest.mark.usefixtures("model")
class TestConformance(TtsConformance):
    addon = "spark_tts_python"
    properties = {}
    invalid_properties = {}
    missing_properties = {"params": {}}
