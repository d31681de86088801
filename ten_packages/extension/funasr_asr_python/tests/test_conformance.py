"""TEN's conditions on the whole stage, with the real FunASR in its worker process. Runs in tests/environments/asr."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from stream_talk.engines.interfaces import Pcm16
from stream_talk.testing.conformance_asr import AsrConformance

from ten_packages.extension.funasr_asr_python.extension import FunAsrExtension
from tests.fixtures import funasr_checkpoint
from tests.fixtures.warm_engine import kept_loaded

pytest.importorskip("funasr", reason="runs in tests/environments/asr")


@pytest.fixture(scope="class")
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = funasr_checkpoint.make_paraformer(tmp_path_factory.mktemp("funasr") / "paraformer")
    request.cls.properties = {
        "params": {"streaming_model": str(folder), "final_model": "", "language": "zh", "threads": 1}
    }
    with kept_loaded(FunAsrExtension, request.cls.properties):
        yield


@pytest.mark.usefixtures("checkpoint")
class TestConformance(AsrConformance):
    addon = "funasr_asr_python"
    properties = {}
    unavailable_properties = {"params": {"streaming_model": "/no/such/model", "final_model": ""}}
    language = "zh-CN"

    @pytest.fixture
    def clip(self) -> Pcm16:
        voice = (np.random.default_rng(4).standard_normal(24_000) * 3000).astype(np.int16)
        return np.concatenate([voice, np.zeros(4800, np.int16)])
