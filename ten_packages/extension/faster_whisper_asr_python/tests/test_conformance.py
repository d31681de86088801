"""TEN's conditions on the whole stage, with the real engine in its worker process. Runs in tests/environments/asr."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from stream_talk.engines.interfaces import Pcm16
from stream_talk.testing.conformance_asr import AsrConformance

from ten_packages.extension.faster_whisper_asr_python.extension import FasterWhisperAsrExtension
from tests.fixtures import whisper_checkpoint
from tests.fixtures.warm_engine import kept_loaded

pytest.importorskip("faster_whisper", reason="runs in tests/environments/asr")
pytest.importorskip("torch", reason="runs in tests/environments/asr")


@pytest.fixture(scope="class")
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = whisper_checkpoint.make(tmp_path_factory.mktemp("whisper") / "nano")
    request.cls.properties = {"params": {"model": str(folder), "cpu_threads": 1}}
    with kept_loaded(FasterWhisperAsrExtension, request.cls.properties):
        yield


@pytest.mark.usefixtures("checkpoint")
class TestConformance(AsrConformance):
    addon = "faster_whisper_asr_python"
    properties = {}
    unavailable_properties = {"params": {"model": "/no/such/model"}}

    @pytest.fixture
    def clip(self) -> Pcm16:
        voice = (np.random.default_rng(4).standard_normal(20_000) * 3000).astype(np.int16)
        return np.concatenate([voice, np.zeros(4800, np.int16)])
