"""TEN's conditions on the whole stage, with SenseVoice on MLX in a worker process. Runs in tests/environments/mlx."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from stream_talk.engines.interfaces import Pcm16
from stream_talk.testing.conformance_asr import AsrConformance

from ten_packages.extension.mlx_whisper_asr_python.extension import MlxWhisperAsrExtension
from tests.fixtures import mlx_whisper_checkpoint
from tests.fixtures.warm_engine import kept_loaded

pytest.importorskip("mlx_audio", reason="runs in tests/environments/mlx")


@pytest.fixture(scope="class")
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = mlx_whisper_checkpoint.make_sensevoice(tmp_path_factory.mktemp("mlx") / "sensevoice")
    request.cls.properties = {"params": {"model": str(folder), "language": "zh"}}
    with kept_loaded(MlxWhisperAsrExtension, request.cls.properties):
        yield


@pytest.mark.usefixtures("checkpoint")
class TestConformance(AsrConformance):
    addon = "mlx_whisper_asr_python"
    properties = {}
    unavailable_properties = {"params": {"model": "/no/such/model"}}
    language = "zh-CN"

    @pytest.fixture
    def clip(self) -> Pcm16:
        voice = (np.random.default_rng(4).standard_normal(24_000) * 3000).astype(np.int16)
        return np.concatenate([voice, np.zeros(4800, np.int16)])
