"""The real faster-whisper, loading and decoding real (tiny, made) checkpoints. Runs in tests/environments/asr."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16, Transcript
from stream_talk.engines.spec import EngineSpec
from stream_talk.paths import models_dir

from ten_packages.extension.faster_whisper_asr_python.config import WhisperConfig
from ten_packages.extension.faster_whisper_asr_python.engine import FasterWhisperEngine
from ten_packages.extension.faster_whisper_asr_python.options import WhisperOptions
from tests.fixtures import whisper_checkpoint

pytest.importorskip("faster_whisper", reason="runs in tests/environments/asr")
pytest.importorskip("torch", reason="runs in tests/environments/asr")

SAYS = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whisper")


@pytest.fixture(scope="module")
def english(checkpoints: Path) -> str:
    return str(whisper_checkpoint.make(checkpoints / "nano", says=f" {SAYS}"))


@pytest.fixture(scope="module")
def engine(english: str) -> Iterator[FasterWhisperEngine]:
    engine = FasterWhisperEngine(model=english, cpu_threads=1)
    engine.load()
    engine.warm_up()
    yield engine
    engine.close()


class Token:
    cancelled = False


def voice(ms: int) -> Pcm16:
    return (np.random.default_rng(2).standard_normal(ms * 16) * 3000).astype(np.int16)


def feed(engine: FasterWhisperEngine, segment: str, pcm: Pcm16) -> list[Transcript]:
    return [found for at in range(0, len(pcm), 320) for found in engine.feed(segment, pcm[at : at + 320])]


def finish(engine: FasterWhisperEngine, segment: str) -> Transcript:
    results = list(engine.finish(segment, Token()))
    assert len(results) == 1
    assert results[0].final
    return results[0]


def transcribe(engine: FasterWhisperEngine, pcm: Pcm16, segment: str = "s") -> Transcript:
    engine.open_segment(segment, {})
    feed(engine, segment, pcm)
    return finish(engine, segment)


def test_partials_then_a_final_that_keeps_the_stable_words(engine: FasterWhisperEngine) -> None:
    engine.open_segment("s", {})
    partials = feed(engine, "s", voice(3000))
    final = finish(engine, "s")
    assert partials
    assert not any(partial.final for partial in partials)
    stable = [word.text for word in partials[-1].words if word.stable]
    assert stable == ["The", "quick", "brown", "fox", "jumps", "over", "the", "lazy"]
    assert final.text == SAYS
    assert all(word.stable for word in final.words)
    assert final.duration_ms == 3000


def test_the_language_is_detected_by_the_model(engine: FasterWhisperEngine) -> None:
    assert transcribe(engine, voice(2000)).language == "en"


def test_the_encoder_hears_the_speech_and_not_thirty_seconds(
    engine: FasterWhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine._decoder._model
    frames: list[int] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(model, name)

        def encode(self, features: Any) -> Any:
            frames.append(features.shape[-1])
            return model.encode(features)

    monkeypatch.setattr(engine._decoder, "_model", Watched())
    transcribe(engine, voice(2000))
    assert set(frames) == {1000}
    frames.clear()
    transcribe(engine, voice(11_300))
    assert max(frames) == 1400


def test_two_people_do_not_mix(engine: FasterWhisperEngine) -> None:
    engine.open_segment("a", {})
    engine.open_segment("b", {})
    pcm = voice(1200)
    for at in range(0, len(pcm), 320):
        engine.feed("a", pcm[at : at + 320])
        engine.feed("b", np.zeros(320, np.int16))
    assert finish(engine, "a").text == SAYS
    assert finish(engine, "b").text == ""


@pytest.mark.parametrize(
    "pcm", [np.zeros(16000, np.int16), np.zeros(0, np.int16), voice(50)], ids=["silence", "nothing", "50 ms"]
)
def test_nothing_was_said(engine: FasterWhisperEngine, pcm: Pcm16) -> None:
    assert transcribe(engine, pcm).text == ""


def test_forty_seconds_are_not_too_long(engine: FasterWhisperEngine) -> None:
    final = transcribe(engine, voice(40_000))
    assert final.text.startswith(SAYS)
    assert final.duration_ms == 40_000


def test_dropping_forgets_and_unknown_ids_are_ignored(engine: FasterWhisperEngine) -> None:
    engine.open_segment("gone", {})
    engine.feed("gone", voice(300))
    engine.drop("gone")
    engine.drop("never opened")
    assert engine._segments == {}


def test_a_cancelled_final_says_nothing_and_the_engine_goes_on(engine: FasterWhisperEngine) -> None:
    class Cancelled:
        cancelled = True

    engine.open_segment("s", {})
    feed(engine, "s", voice(500))
    assert list(engine.finish("s", Cancelled())) == []
    assert transcribe(engine, voice(900)).text == SAYS


def test_a_model_that_hears_no_speech_says_nothing(checkpoints: Path) -> None:
    folder = whisper_checkpoint.make(checkpoints / "silent", says=" Thank you.", silent=True)
    engine = FasterWhisperEngine(model=str(folder), language="en", cpu_threads=1)
    engine.load()
    assert transcribe(engine, voice(1500)).text == ""


def test_chinese_with_forced_language_and_hot_words(checkpoints: Path) -> None:
    folder = whisper_checkpoint.make(checkpoints / "zh", says="我想喝一杯热茶。")
    engine = FasterWhisperEngine(
        model=str(folder),
        language="zh-CN",
        hot_words=["热茶"],
        prompt="以下是普通话的句子。",
        beam_size=5,
        cpu_threads=1,
    )
    engine.load()
    engine.open_segment("s", {})
    partials = feed(engine, "s", voice(2000))
    final = finish(engine, "s")
    assert (final.text, final.language) == ("我想喝一杯热茶。", "zh")
    assert [word.text for word in partials[-1].words if word.stable] == list("我想喝一杯热")


def test_it_runs_in_a_worker_without_the_extension_around_it(english: str) -> None:
    file = Path(FasterWhisperEngine.__module__.replace(".", "/") + ".py")
    engine = EngineSpec.at(file, "FasterWhisperEngine", {"model": english, "cpu_threads": 1}).create()
    engine.load()
    assert transcribe(engine, voice(900)).text == SAYS


def test_missing_models_are_told_with_a_remedy(tmp_path: Path, english: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EngineUnavailable, match=r"tiny is not on this machine.*models pull faster-whisper-tiny"):
        FasterWhisperEngine(model="tiny", download_dir=str(tmp_path)).load()
    with pytest.raises(EngineUnavailable, match="there is no Whisper model"):
        FasterWhisperEngine(model=str(tmp_path / "nowhere")).load()
    monkeypatch.setenv("STREAM_TALK_MODELS_DIR", str(tmp_path / "models"))
    with pytest.raises(EngineUnavailable, match=r"models pull faster-whisper-base"):
        FasterWhisperEngine(model=str(models_dir() / "faster-whisper-base")).load()
    for name in ("model.bin", "config.json"):
        (tmp_path / name).write_bytes((Path(english) / name).read_bytes())
    with pytest.raises(EngineUnavailable, match=r"lacks tokenizer\.json"):
        FasterWhisperEngine(model=str(tmp_path)).load()


def test_a_model_that_is_fed_another_number_of_mels_is_told(tmp_path: Path, english: str) -> None:
    shutil.copytree(english, tmp_path / "copy")
    settings = tmp_path / "copy" / "preprocessor_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "feature_size": 128}))
    with pytest.raises(EngineUnavailable, match=r"hears 80 mels and its preprocessor_config\.json makes 128"):
        FasterWhisperEngine(model=str(tmp_path / "copy")).load()


def test_cuda_without_a_device_is_told(english: str) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has one")
    with pytest.raises(EngineUnavailable, match="no CUDA device"):
        FasterWhisperEngine(model=english, device="cuda").load()


def test_the_memory_is_flat_over_a_hundred_utterances(engine: FasterWhisperEngine) -> None:
    from stream_talk.engines.memory import resident_mb

    pcm = voice(600)
    for _ in range(30):
        transcribe(engine, pcm)
    before_mb = resident_mb()
    for _ in range(100):
        transcribe(engine, pcm)
    assert resident_mb() - before_mb < 15
    assert engine._segments == {}


def test_properties_and_engine_options_agree() -> None:
    assert WhisperOptions(**WhisperConfig().params.model_dump()) == WhisperOptions()
