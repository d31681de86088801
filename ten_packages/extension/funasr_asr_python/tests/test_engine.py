"""The real FunASR with tiny made models of the true classes. Runs in tests/environments/asr."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16, Transcript

from ten_packages.extension.funasr_asr_python.config import FunAsrConfig
from ten_packages.extension.funasr_asr_python.engine import FunAsrEngine
from ten_packages.extension.funasr_asr_python.models import FinalModel, Heard, grown, language_by_script, untagged
from ten_packages.extension.funasr_asr_python.options import FunAsrOptions
from tests.fixtures import funasr_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("funasr", reason="runs in tests/environments/asr")
    return tmp_path_factory.mktemp("funasr")


@pytest.fixture(scope="module")
def paraformer(folder: Path) -> str:
    return str(funasr_checkpoint.make_paraformer(folder / "paraformer"))


@pytest.fixture(scope="module")
def sensevoice(folder: Path) -> str:
    return str(funasr_checkpoint.make_sensevoice(folder / "sensevoice"))


@pytest.fixture(scope="module")
def streaming(paraformer: str) -> FunAsrEngine:
    engine = FunAsrEngine(streaming_model=paraformer, final_model="", threads=1)
    engine.load()
    engine.warm_up()
    return engine


@pytest.fixture(scope="module")
def two_pass(paraformer: str, sensevoice: str) -> FunAsrEngine:
    engine = FunAsrEngine(streaming_model=paraformer, final_model=sensevoice, threads=1)
    engine.load()
    engine.warm_up()
    return engine


@pytest.fixture(scope="module")
def nano(folder: Path) -> str:
    pytest.importorskip("transformers", reason="runs in tests/environments/asr")
    return str(funasr_checkpoint.make_nano(folder / "nano"))


class Token:
    cancelled = False


def voice(ms: int, seed: int = 2) -> Pcm16:
    return (np.random.default_rng(seed).standard_normal(ms * 16) * 3000).astype(np.int16)


def feed(engine: FunAsrEngine, segment: str, pcm: Pcm16, frame: int = 320) -> list[Transcript]:
    return [found for at in range(0, len(pcm), frame) for found in engine.feed(segment, pcm[at : at + frame])]


def finish(engine: FunAsrEngine, segment: str) -> Transcript:
    (final,) = engine.finish(segment, Token())
    assert final.final
    return final


def transcribe(engine: FunAsrEngine, pcm: Pcm16, frame: int = 320) -> Transcript:
    engine.open_segment("t", {})
    feed(engine, "t", pcm, frame)
    return finish(engine, "t")


def test_text_grows_while_the_person_speaks_and_is_never_taken_back(streaming: FunAsrEngine) -> None:
    engine = streaming
    engine.open_segment("s", {})
    partials = feed(engine, "s", voice(3000))
    final = finish(engine, "s")
    texts = [partial.text for partial in partials] + [final.text]
    assert len(partials) >= 3
    assert all(after.startswith(before) for before, after in itertools.pairwise(texts))
    assert len(texts[-1]) > len(texts[0]) > 0
    assert all(word.stable for partial in partials for word in partial.words)


def test_the_first_text_comes_within_the_first_second(streaming: FunAsrEngine) -> None:
    streaming.open_segment("s", {})
    heard_ms = 0
    for at in range(0, 48_000, 3200):
        heard_ms += 200
        if list(streaming.feed("s", voice(3000)[at : at + 3200])):
            break
    streaming.drop("s")
    assert heard_ms <= 1000


def test_frame_length_does_not_change_the_text(streaming: FunAsrEngine) -> None:
    pcm = voice(2000)
    assert transcribe(streaming, pcm, 111).text == transcribe(streaming, pcm, 5000).text


def test_two_people_interleaved_are_heard_as_if_alone(streaming: FunAsrEngine) -> None:
    one, other = voice(2000, seed=3), voice(2000, seed=4)
    alone = [transcribe(streaming, one).text, transcribe(streaming, other).text]
    streaming.open_segment("a", {})
    streaming.open_segment("b", {})
    for at in range(0, len(one), 1600):
        streaming.feed("a", one[at : at + 1600])
        streaming.feed("b", other[at : at + 1600])
    assert [finish(streaming, "a").text, finish(streaming, "b").text] == alone


def test_a_stream_leaves_nothing_for_the_next(streaming: FunAsrEngine) -> None:
    pcm = voice(1500)
    fresh = transcribe(streaming, pcm).text
    streaming.open_segment("dropped", {})
    feed(streaming, "dropped", voice(900, seed=9))
    streaming.drop("dropped")
    assert transcribe(streaming, pcm).text == fresh


@pytest.mark.parametrize(
    "pcm", [np.zeros(16000, np.int16), np.zeros(0, np.int16), voice(40)], ids=["silence", "nothing", "40 ms"]
)
def test_nothing_was_said(streaming: FunAsrEngine, two_pass: FunAsrEngine, pcm: Pcm16) -> None:
    assert transcribe(streaming, pcm).text == ""
    assert transcribe(two_pass, pcm).text == ""


def test_the_final_model_hears_the_whole_utterance(two_pass: FunAsrEngine) -> None:
    two_pass.open_segment("s", {})
    partials = feed(two_pass, "s", voice(2500))
    final = finish(two_pass, "s")
    assert partials
    assert not any(word.stable for partial in partials for word in partial.words)
    assert final.text
    assert "<|" not in final.text
    assert final.language in ("zh", "en", "yue", "ja", "ko")
    assert final.info["model"] == "sensevoice"


def test_japanese_is_heard_by_the_final_model_again_and_again(sensevoice: str, paraformer: str) -> None:
    engine = FunAsrEngine(streaming_model=paraformer, final_model=sensevoice, language="ja-JP", threads=1)
    engine.load()
    engine.open_segment("s", {})
    partials = feed(engine, "s", voice(2500))
    final = finish(engine, "s")
    assert partials
    assert (final.language, bool(final.text)) == ("ja", True)


def test_it_is_said_when_no_model_hears_the_language(paraformer: str) -> None:
    with pytest.raises(EngineUnavailable, match="no model can hear ko"):
        FunAsrEngine(streaming_model=paraformer, final_model="", language="ko").load()


def test_missing_files_are_an_error_and_not_random_weights(tmp_path: Path, paraformer: str) -> None:
    for name in ("config.yaml", "configuration.json", "tokens.json"):
        (tmp_path / name).write_bytes((Path(paraformer) / name).read_bytes())
    with pytest.raises(EngineUnavailable, match=r"lacks model\.pt"):
        FunAsrEngine(streaming_model=str(tmp_path), final_model="").load()
    with pytest.raises(EngineUnavailable, match="models pull paraformer-zh-streaming"):
        FunAsrEngine().load()


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("<|zh|><|HAPPY|><|Speech|><|withitn|>今天很好。", Heard("今天很好。", "zh", "happy", "speech")),
        ("<|en|><|EMO_UNKNOWN|><|BGM|><|woitn|>hello there", Heard("hello there", "en", "", "bgm")),
        ("<|nospeech|><|EMO_UNKNOWN|><|Speech|><|withitn|>。", Heard("", "", "", "speech")),
        ("plain text", Heard("plain text")),
    ],
)
def test_tags_are_taken_off_and_kept(text: str, heard: Heard) -> None:
    assert untagged(text) == heard


def test_deltas_become_text() -> None:
    assert grown("今天", "天气") == "今天天气"
    assert grown("hello", "world") == "hello world"
    assert grown("hel@@", "lo") == "hello"
    assert grown("", "a") == "a"


def test_properties_and_engine_options_agree() -> None:
    assert FunAsrOptions(**FunAsrConfig().params.model_dump()) == FunAsrOptions()


def test_fun_asr_hears_the_whole_utterance_after_the_stream(paraformer: str, nano: str) -> None:
    engine = FunAsrEngine(streaming_model=paraformer, final_model=nano, threads=1)
    engine.load()
    engine.warm_up()
    final = transcribe(engine, voice(1000))
    assert final.text.isalpha() and final.text.islower()
    assert (final.language, final.info["model"]) == ("en", "nano")
    engine.close()


def test_fun_asr_is_asked_in_its_own_words_and_writes_no_longer_than_one_speaks(nano: str) -> None:
    model = FinalModel(FunAsrOptions(final_model=nano, threads=1, hot_words=("天气",), itn=False))
    asked: list[str] = []
    inner = model._model.model
    prompt = inner.get_prompt
    inner.get_prompt = lambda *args: asked.append(prompt(*args)) or asked[-1]
    samples = voice(2000).astype(np.float32) / 32768.0
    heard = [model.hear(samples, language) for language in ("zh", "auto")]
    assert "热词列表：[天气]" in asked[0] and "语音转写成中文，不进行文本规整" in asked[0]
    assert asked[1].endswith("语音转写，不进行文本规整：")
    assert all(0 < len(one.text) <= 16 + 2 * 8 for one in heard)  # a letter is a token here


def test_streamed_text_without_a_final_model_gets_its_punctuation(paraformer: str, folder: Path) -> None:
    marks = str(funasr_checkpoint.make_punctuation(folder / "punctuation"))
    engine = FunAsrEngine(streaming_model=paraformer, final_model="", punctuation_model=marks, threads=1)
    engine.load()
    engine.open_segment("t", {})
    streamed = feed(engine, "t", voice(3000))
    final = finish(engine, "t")
    assert final.text[-1] in "。？.?" and not set(streamed[-1].text) & set("，。？、")
    engine.close()


@pytest.mark.parametrize(("text", "language"), [
    ("今天天气", "zh"), ("きょうは天気", "ja"), ("오늘 날씨", "ko"), ("hello", "en"), ("12 ...", ""),
])  # fmt: skip
def test_a_language_is_known_by_its_script(text: str, language: str) -> None:
    assert language_by_script(text) == language
