"""kokoro-onnx's own code on a model of a few sines. Runs in tests/environments/voices."""

from __future__ import annotations

import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, SpeechRequest
from stream_talk.engines.runner import CancelFlag

from tests.fixtures import kokoro_voice

from ..engine import KokoroEngine, sentences_of


def speak(engine: KokoroEngine, text: str, first: bool = True, **options: object) -> list[np.ndarray]:
    request = SpeechRequest(text, dict(options), first_of_reply=first)
    return [chunk.pcm for chunk in engine.speak(request, CancelFlag())]


def test_text_is_cut_at_sentences_of_both_scripts():
    assert sentences_of("It is 3.14. Really? 是的。好！ ...") == ["It is 3.14.", "Really?", "是的。", "好！"]
    assert sentences_of("😀 ...") == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("kokoro_onnx", reason="runs in tests/environments/voices")
    pytest.importorskip("onnx", reason="runs in tests/environments/voices")
    return tmp_path_factory.mktemp("kokoro")


@pytest.fixture(scope="module")
def engine(folder: Path) -> KokoroEngine:
    model, voices = kokoro_voice.make(folder)
    engine = KokoroEngine(model=str(model), voices=str(voices))
    engine.load()
    engine.warm_up()
    return engine


class TestOnnx:
    def test_every_sentence_is_a_chunk_and_the_first_does_not_wait(self, engine):
        stream = engine.speak(SpeechRequest("The first one. The second one."), CancelFlag())
        first = next(stream)
        pause, second = stream
        assert len(first.pcm) > 5000 and not pause.pcm.any() and len(second.pcm) > 5000

    def test_edges_of_a_chunk_are_silent(self, engine):
        (chunk,) = speak(engine, "One sentence.")
        assert abs(int(chunk[0])) < 200 and abs(int(chunk[-1])) < 200 and np.abs(chunk).max() > 5000

    def test_words_have_times_where_the_model_tells_lengths(self, engine, folder):
        model, voices = kokoro_voice.make(folder / "durations", durations=True)
        telling = KokoroEngine(model=str(model), voices=str(voices))
        telling.load()
        text = SpeechRequest("Hello big world. And you?")
        first, pause, second = telling.speak(text, CancelFlag())
        assert [word.text for word in first.words] == ["Hello", "big", "world."]
        assert [word.text for word in second.words] == ["And", "you?"]
        begins_ms = (len(first.pcm) + len(pause.pcm)) * 1000 / 24000
        assert begins_ms <= second.words[0].start_ms < begins_ms + 150
        ends = [word.start_ms + word.duration_ms for word in first.words]
        assert ends == sorted(ends) and ends[-1] <= len(first.pcm) * 1000 / 24000
        assert not any(chunk.words for chunk in engine.speak(text, CancelFlag()))
        (number,) = telling.speak(SpeechRequest("It costs $3.14 now."), CancelFlag())
        assert number.words == []
        telling.close()

    def test_rate_is_an_option_of_a_request(self, engine):
        normal, fast = (np.concatenate(speak(engine, "The same words.", rate=rate)) for rate in (1.0, 2.0))
        assert len(fast) == pytest.approx(len(normal) / 2, rel=0.1)

    def test_two_voices_alternate_without_leaking(self, engine):
        names = ["af_heart", "af_sky", "af_heart", "af_sky"]
        said = [np.concatenate(speak(engine, "Hello there.", voice=name)) for name in names]
        assert np.array_equal(said[0], said[2]) and np.array_equal(said[1], said[3])
        assert not np.array_equal(said[0], said[1])
        assert np.array_equal(np.concatenate(speak(engine, "Hello there.", voice="nobody")), said[0])

    def test_a_chinese_voice_speaks_chinese(self, engine):
        assert len(np.concatenate(speak(engine, "你好，今天天气怎么样？", voice="zf_xiaobei"))) > 10_000

    def test_voices_are_listed_with_their_language(self, engine):
        listed = {voice.name: voice.language for voice in engine.voices()}
        assert listed == {"af_heart": "en-us", "af_sky": "en-us", "bf_emma": "en-gb", "zf_xiaobei": "cmn"}

    @pytest.mark.parametrize("text", ["", " ", "...", "😀", "\x00", "\ud800"])
    def test_what_cannot_be_spoken_never_reaches_the_model(self, engine, text):
        assert speak(engine, text) == []

    def test_a_cancel_stops_inside_the_sentence(self, folder):
        model, voices = kokoro_voice.make(folder / "slow", slow_nodes=2000)
        engine = KokoroEngine(model=str(model), voices=str(voices))
        engine.load()
        flag = CancelFlag()
        timer = threading.Timer(0.05, flag.set)
        timer.start()
        assert list(engine.speak(SpeechRequest("A sentence that takes long."), flag)) == []
        timer.join()

    def test_after_a_hundred_cancels_the_next_request_is_clean(self, engine):
        before = np.concatenate(speak(engine, "One. Two. Three."))
        threads = threading.active_count()
        for _ in range(100):
            flag = CancelFlag()
            stream = engine.speak(SpeechRequest("One. Two. Three."), flag)
            next(stream)
            flag.set()
            assert list(stream) == []
        assert threading.active_count() == threads
        assert np.array_equal(np.concatenate(speak(engine, "One. Two. Three.")), before)

    def test_an_unknown_voice_is_named_with_those_there_are(self, folder, engine):
        options = {"model": str(folder / "kokoro.onnx"), "voices": str(folder / "voices.bin"), "voice": "nobody"}
        with pytest.raises(EngineUnavailable, match="af_heart"):
            KokoroEngine(**options).load()


@pytest.mark.parametrize("backend", ["onnx", "mlx"])
def test_a_missing_model_is_named_and_nothing_is_fetched(backend):
    with pytest.raises(EngineUnavailable, match="/no/such"):
        KokoroEngine(backend=backend, model="/no/such", voices="/no/such").load()


def test_mlx_is_called_with_the_voice_of_the_folder(tmp_path, monkeypatch):
    """mlx-audio's narrow interface; the package itself needs Apple Silicon to be of use."""
    calls: list[dict[str, object]] = []

    class Model:
        def generate(self, **arguments):
            calls.append(arguments)
            yield types.SimpleNamespace(audio=np.full(4800, 0.5, np.float32))

    utils = types.ModuleType("mlx_audio.tts.utils")
    utils.load = lambda path, model_type: Model()
    for name in ("mlx_audio", "mlx_audio.tts"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "mlx_audio.tts.utils", utils)
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "bf_emma.safetensors").touch()
    engine = KokoroEngine(backend="mlx", model=str(tmp_path), voice="bf_emma")
    (chunk,) = speak(engine, "Hello.", rate=1.5)
    assert len(chunk) == 4800 and chunk.max() == 16384
    assert calls[0] == {
        "text": "Hello.",
        "voice": str(tmp_path / "voices" / "bf_emma.safetensors"),
        "speed": 1.5,
        "lang_code": "b",
    }
