"""The engine with both backends, on stand-ins of Spark-TTS's checkout and of mlx-audio. torch needs tests/environments/voices."""

from __future__ import annotations

import importlib
import json
import sys
import threading

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, SpeechRequest
from stream_talk.engines.runner import CancelFlag

from ..engine import SparkEngine
from ..prompt import SparkVoice, Style, cloned, created
from . import folder

SENTENCE = "The quick brown fox jumps over the lazy dog."
_FOREIGN = ("cli", "mlx", "mlx_audio", "rules")


@pytest.fixture(scope="module", params=["torch", "mlx"])
def backend(request):
    """Whatever else is installed: the stand-ins are found first."""
    path = list(sys.path)
    if request.param == "torch":
        pytest.importorskip("torch", reason="runs in tests/environments/voices").set_num_threads(1)
    else:
        sys.path.insert(0, str(folder.STAND_IN / "mlx"))
    sys.path.insert(0, str(folder.STAND_IN))
    yield request.param
    sys.path[:] = path
    for name in [n for n in sys.modules if n.partition(".")[0] in _FOREIGN]:
        del sys.modules[name]


@pytest.fixture
def rules(backend):
    return importlib.import_module("rules")


@pytest.fixture
def params(backend, tmp_path):
    return folder.make(tmp_path, backend)


@pytest.fixture
def engine(params):
    engine = SparkEngine(**params)
    engine.load()
    return engine


def chunks(engine, text, **options):
    return [c.pcm for c in engine.speak(SpeechRequest(text, options), CancelFlag()) if len(c.pcm)]


def said(engine, text, **options):
    return np.concatenate(chunks(engine, text, **options))


def tone(samples, pitch):
    return 0.5 * 32768 * np.sin(2 * np.pi * pitch * np.arange(samples) / 16000)


def test_the_first_sound_needs_34_steps(engine, rules):
    before = rules.steps
    stream = engine.speak(SpeechRequest(SENTENCE), CancelFlag())
    first = next(stream)
    assert len(first.pcm) == 17 * 320 - 80
    assert rules.steps - before <= 35
    assert len(list(stream)) >= 3


def test_every_token_is_spoken_and_seams_cannot_be_heard(engine):
    pcm = said(engine, SENTENCE)
    assert len(pcm) == 5 * len(SENTENCE) * 320
    inner = slice(8 * 320, -8 * 320)
    assert np.abs((pcm - tone(len(pcm), 230.0))[inner]).max() / (0.5 * 32768) < 10 ** (-50 / 20)


def test_the_second_request_begins_like_the_first(engine):
    one, two = chunks(engine, SENTENCE), chunks(engine, SENTENCE)
    assert [len(c) for c in one] == [len(c) for c in two]


def test_a_cancel_stops_at_the_next_token(engine, rules):
    flag = CancelFlag()
    stream = engine.speak(SpeechRequest(SENTENCE), flag)
    next(stream)
    before = rules.steps
    flag.set()
    assert list(stream) == [] and rules.steps - before <= 1
    assert len(said(engine, "Next.")) > 0


def test_a_hundred_cancels_leave_nothing_behind(engine):
    reference, threads = said(engine, SENTENCE), threading.active_count()
    for _ in range(100):
        stream = engine.speak(SpeechRequest(SENTENCE), CancelFlag())
        next(stream)
        stream.close()
    assert threading.active_count() == threads and np.array_equal(said(engine, SENTENCE), reference)


def test_an_error_in_the_model_reaches_the_caller_and_the_next_request_works(engine):
    with pytest.raises(RuntimeError, match="out of memory"):
        said(engine, "broken")
    assert len(said(engine, "Fine again.")) > 0


def test_two_recordings_alternate(engine):
    spoken = [said(engine, SENTENCE, voice=name) for name in ("ann", "robert", "ann", "robert", "nobody")]
    assert np.array_equal(spoken[0], spoken[2]) and np.array_equal(spoken[1], spoken[3])
    assert not np.array_equal(spoken[0][:4000], spoken[1][:4000])
    assert np.array_equal(spoken[4], spoken[0])


def test_a_recording_is_encoded_once(engine, backend):
    if backend != "torch":
        pytest.skip("counted by the torch stand-in")
    from cli import SparkTTS

    SparkTTS.encoded.clear()
    for _ in range(3):
        said(engine, SENTENCE, voice="robert")
    assert SparkTTS.encoded == ["robert"]


def test_a_created_voice_stays_the_same_also_after_a_restart(params, tmp_path):
    """The model invents another one every time."""
    pcm = []
    for _ in range(2):
        engine = SparkEngine(**{**params, "voice": "", "gender": "male", "seed": None})
        engine.load()
        pcm += [said(engine, SENTENCE), said(engine, SENTENCE)]
    assert all(np.array_equal(pcm[0], other) for other in pcm[1:])
    kept = json.loads((tmp_path / "voices" / "created-male-moderate-moderate.json").read_text())
    assert len(kept["global_ids"]) == 32
    assert "created-male-moderate-moderate" in [voice.name for voice in engine.voices()]


def test_a_style_of_a_request_makes_another_voice(engine):
    said(engine, "One.", pitch="high", speed="no such speed")
    assert "created-female-high-moderate" in [voice.name for voice in engine.voices()]


@pytest.mark.parametrize("text", ["", " ", "...", "😀"])
def test_what_cannot_be_spoken_never_reaches_the_model(engine, rules, text):
    before = rules.steps
    assert chunks(engine, text) == [] and rules.steps == before


def test_the_licence_is_said_at_every_load(params, caplog):
    SparkEngine(**params).load()
    assert "CC BY-NC-SA 4.0: not for commercial use" in caplog.text


@pytest.mark.parametrize(("changes", "what"), [
    ({"model_dir": "SparkAudio/Spark-TTS-0.5B"}, "has no"),
    ({"voice": "nobody"}, "ann, robert"),
])  # fmt: skip
def test_what_is_missing_is_named_and_nothing_is_fetched(params, changes, what):
    with pytest.raises(EngineUnavailable, match=what):
        SparkEngine(**{**params, **changes}).load()


def test_weights_that_upstream_only_prints_as_missing_are_an_error(backend, params, tmp_path):
    if backend != "torch":
        pytest.skip("mlx-audio loads strictly")
    (tmp_path / "BiCodec" / "model.safetensors").write_text("decoder.conv.weight decoder.conv.bias")
    with pytest.raises(EngineUnavailable, match=r"lacks 2 of its weights \(decoder\.conv\.weight"):
        SparkEngine(**params).load()


def test_prompts_keep_two_texts_apart():
    voice = SparkVoice((1,) * 32, (5, 6), "Said before.")
    assert "<|start_content|>Said before. Now this.<|end_content|>" in cloned("Now this.", voice)
    assert cloned("Now this.", voice).endswith("<|bicodec_semantic_5|><|bicodec_semantic_6|>")
    assert cloned("Now this.", SparkVoice((1,) * 32)).endswith("<|end_global_token|>")


def test_a_style_is_written_in_labels():
    assert "<|gender_1|><|pitch_label_3|><|speed_label_0|>" in created("Hello.", Style("male", "high", "very_low"))
