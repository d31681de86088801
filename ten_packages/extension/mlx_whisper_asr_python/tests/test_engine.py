"""The real mlx-audio and mlx-whisper on tiny made models. Runs in tests/environments/mlx, on Linux too."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16, Transcript

from ten_packages.extension.mlx_whisper_asr_python.config import MlxConfig
from ten_packages.extension.mlx_whisper_asr_python.engine import MlxWhisperEngine
from ten_packages.extension.mlx_whisper_asr_python.options import MlxOptions
from tests.fixtures import mlx_whisper_checkpoint

SAYS = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mlx_audio", reason="runs in tests/environments/mlx")
    return tmp_path_factory.mktemp("mlx")


@pytest.fixture(scope="module")
def whisper(folder: Path) -> str:
    return str(mlx_whisper_checkpoint.make_for_mlx_audio(folder / "whisper"))


@pytest.fixture(scope="module")
def engine(whisper: str) -> MlxWhisperEngine:
    engine = MlxWhisperEngine(model=whisper, partial_interval_ms=800)
    engine.load()
    return engine


class Token:
    cancelled = False


def voice(ms: int) -> Pcm16:
    return (np.random.default_rng(2).standard_normal(ms * 16) * 3000).astype(np.int16)


def feed(engine: MlxWhisperEngine, segment: str, pcm: Pcm16) -> list[Transcript]:
    return [found for at in range(0, len(pcm), 320) for found in engine.feed(segment, pcm[at : at + 320])]


def finish(engine: MlxWhisperEngine, segment: str) -> Transcript:
    (final,) = engine.finish(segment, Token())
    assert final.final
    return final


def transcribe(engine: MlxWhisperEngine, pcm: Pcm16) -> Transcript:
    engine.open_segment("s", {})
    feed(engine, "s", pcm)
    return finish(engine, "s")


def test_whisper_of_mlx_audio_with_partials(engine: MlxWhisperEngine) -> None:
    engine.open_segment("s", {})
    partials = feed(engine, "s", voice(900))
    final = finish(engine, "s")
    assert [partial.text for partial in partials] == [SAYS]
    assert (final.text, final.language) == (SAYS, "en")


def test_a_known_beginning_is_not_decoded_again(engine: MlxWhisperEngine) -> None:
    samples = voice(900).astype(np.float32) / 32768.0
    found = engine.look(samples, language="en", begins_with="The quick brown", final=True)
    assert found.text == "fox jumps over the lazy dog."


def test_mlx_whisper(folder: Path) -> None:
    pytest.importorskip("mlx_whisper", reason="runs in tests/environments/mlx")
    checkpoint = mlx_whisper_checkpoint.make_for_mlx_whisper(folder / "mlx-whisper")
    engine = MlxWhisperEngine(model=str(checkpoint), library="mlx-whisper", language="en-US", partials=False)
    engine.load()
    assert transcribe(engine, voice(900)).text == SAYS


def test_sensevoice(folder: Path) -> None:
    checkpoint = mlx_whisper_checkpoint.make_sensevoice(folder / "sensevoice")
    engine = MlxWhisperEngine(model=str(checkpoint), language="zh", partial_interval_ms=400)
    engine.load()
    engine.warm_up()
    engine.open_segment("s", {})
    partials = feed(engine, "s", voice(2000))
    final = finish(engine, "s")
    assert partials
    assert final.language == "zh"
    assert set(final.text) <= set("今天气很好我想喝一杯热茶")
    assert final.text


@pytest.fixture(scope="module")
def parakeet(folder: Path) -> MlxWhisperEngine:
    checkpoint = mlx_whisper_checkpoint.make_parakeet(folder / "a-name-that-says-nothing")
    engine = MlxWhisperEngine(model=str(checkpoint), partial_interval_ms=400)
    engine.load()
    engine.warm_up()
    return engine


def test_parakeet_is_known_by_its_configuration_and_writes_while_one_speaks(parakeet: MlxWhisperEngine) -> None:
    parakeet.open_segment("s", {})
    partials = feed(parakeet, "s", voice(2000))
    final = finish(parakeet, "s")
    assert len(partials) >= 2 and final.text
    known = {piece.strip("▁") for piece in mlx_whisper_checkpoint.PARAKEET_TOKENS}
    assert set(final.text.split()) <= known and set(partials[0].text.split()) <= known


@pytest.mark.parametrize("ms", [90, 120, 200, 350])
def test_parakeet_takes_any_length_of_voice(parakeet: MlxWhisperEngine, ms: int) -> None:
    assert transcribe(parakeet, voice(ms)).final


def test_silence_and_clicks_are_not_heard(engine: MlxWhisperEngine) -> None:
    assert transcribe(engine, np.zeros(16000, np.int16)).text == ""
    assert transcribe(engine, voice(50)).text == ""


def test_another_thread_is_told_instead_of_failing_inside_mlx(engine: MlxWhisperEngine) -> None:
    problems: list[BaseException] = []

    def elsewhere() -> None:
        try:
            engine.look(np.zeros(16000, np.float32), language="en", begins_with="", final=True)
        except RuntimeError as error:
            problems.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "placement" in str(problems[0])


def test_missing_models_are_told(tmp_path: Path, whisper: str) -> None:
    with pytest.raises(EngineUnavailable, match="no model in"):
        MlxWhisperEngine(model=str(tmp_path / "nowhere")).load()
    (tmp_path / "config.json").write_bytes((Path(whisper) / "config.json").read_bytes())
    with pytest.raises(EngineUnavailable, match="lacks weights"):
        MlxWhisperEngine(model=str(tmp_path)).load()
    (tmp_path / "model.safetensors").write_bytes((Path(whisper) / "model.safetensors").read_bytes())
    with pytest.raises(EngineUnavailable, match="lacks its tokenizer files"):
        MlxWhisperEngine(model=str(tmp_path)).load()
    with pytest.raises(EngineUnavailable, match=r"not on this machine.*models pull"):
        MlxWhisperEngine().load()


def test_properties_and_engine_options_agree() -> None:
    assert MlxOptions(**MlxConfig().params.model_dump()) == MlxOptions()
