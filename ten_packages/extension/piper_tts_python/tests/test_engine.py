"""Piper's own code on a voice of a few sines. Runs in tests/environments/voices."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, SpeechRequest
from stream_talk.engines.runner import CancelFlag

from tests.fixtures import piper_voice

from ..engine import PiperEngine

piper = pytest.importorskip("piper", reason="runs in tests/environments/voices")
pytest.importorskip("onnx", reason="runs in tests/environments/voices")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("piper")


@pytest.fixture(scope="module")
def engine(folder: Path) -> PiperEngine:
    engine = PiperEngine(model=str(piper_voice.make(folder / "two", speakers=2)))
    engine.load()
    engine.warm_up()
    return engine


def speak(engine: PiperEngine, text: str, first: bool = True, **options: object) -> list[np.ndarray]:
    request = SpeechRequest(text, dict(options), first_of_reply=first)
    return [chunk.pcm for chunk in engine.speak(request, CancelFlag())]


def test_every_sentence_is_a_chunk_and_the_first_does_not_wait(engine):
    stream = engine.speak(SpeechRequest("The first one. The second one. The third."), CancelFlag())
    first = next(stream)
    rest = list(stream)
    assert len(first.pcm) > 5000 and len(rest) == 2


def test_edges_of_a_chunk_are_silent(engine):
    (chunk,) = speak(engine, "One sentence.")
    assert abs(int(chunk[0])) < 400 and abs(int(chunk[-1])) < 400 and np.abs(chunk).max() > 20000


def test_rate_is_an_option_of_a_request(engine):
    normal, fast = (np.concatenate(speak(engine, "The same words.", rate=rate)) for rate in (1.0, 2.0))
    assert len(fast) == pytest.approx(len(normal) / 2, rel=0.02)


def test_words_have_the_times_that_the_model_tells(engine):
    """A phoneme of this voice lasts three frames of 256 samples, and has a silent one behind it."""
    stream = engine.speak(SpeechRequest("Hello big world. And you?", first_of_reply=False), CancelFlag())
    pause, first, second = list(stream)
    start_ms = len(pause.pcm) * 1000 / 22050
    assert [word.text for word in first.words] == ["Hello", "big", "world."]
    assert [word.text for word in second.words] == ["And", "you?"]
    assert 0 < first.words[0].start_ms - start_ms < 150
    end_ms = start_ms + len(first.pcm) * 1000 / 22050
    assert second.words[0].start_ms >= end_ms > first.words[-1].start_ms + first.words[-1].duration_ms
    lengths = [word.duration_ms for word in first.words]
    assert lengths[1] < lengths[0] and lengths[1] < lengths[2]


def test_words_that_are_read_as_several_get_no_times(engine):
    (chunk,) = engine.speak(SpeechRequest("It costs $3.14 now."), CancelFlag())
    assert chunk.words == []


def test_two_speakers_alternate_without_leaking(engine):
    said = [np.concatenate(speak(engine, "Hello there.", voice=f"speaker{i % 2}")) for i in range(4)]
    assert np.array_equal(said[0], said[2]) and np.array_equal(said[1], said[3])
    assert not np.array_equal(said[0], said[1])
    assert np.array_equal(np.concatenate(speak(engine, "Hello there.", voice="nobody")), said[0])


def test_voices_are_listed(engine):
    assert [(v.name, v.language) for v in engine.voices()] == [("speaker0", "en-us"), ("speaker1", "en-us")]


def test_the_next_clause_begins_after_a_pause(engine):
    chunks = speak(engine, "And then.", first=False)
    assert len(chunks[0]) == 140 * 22050 // 1000 and not chunks[0].any()


@pytest.mark.parametrize("text", ["", " ", "...", "😀", "\x00", "\ud800"])
def test_what_cannot_be_spoken_never_reaches_the_model(engine, text):
    assert speak(engine, text) == []


def test_a_cancel_stops_inside_the_sentence(folder):
    """2,000 matrix products are seconds of work. Five cuts; printed is how long the engine was still busy after each."""
    engine = PiperEngine(model=str(piper_voice.make(folder / "slow", speakers=2, slow_nodes=2000)))
    engine.load()
    busy_ms = []
    for _ in range(5):
        flag = CancelFlag()
        cut_at: list[float] = []
        timer = threading.Timer(0.05, lambda flag=flag, cut_at=cut_at: (cut_at.append(time.monotonic()), flag.set()))
        timer.start()
        assert list(engine.speak(SpeechRequest("A sentence that takes long."), flag)) == []
        busy_ms.append((time.monotonic() - cut_at[0]) * 1000)
        timer.join()
    print("ms from cancel to idle:", *(round(ms, 1) for ms in busy_ms))
    assert sorted(busy_ms)[2] < 20
    engine.close()


def test_after_a_hundred_cancels_the_next_request_is_clean(engine):
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


@pytest.mark.parametrize(("options", "what"), [
    ({"model": "/no/such.onnx"}, "no Piper voice"),
    ({"speaker": "nobody"}, "speaker0, speaker1"),
])  # fmt: skip
def test_what_is_missing_is_named(folder, options, what):
    with pytest.raises(EngineUnavailable, match=what):
        PiperEngine(**{"model": str(folder / "two" / "tone.onnx"), **options}).load()


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no model")
    (tmp_path / "a.onnx.json").write_text("{}")
    with pytest.raises(EngineUnavailable, match="not a Piper voice"):
        PiperEngine(model=str(tmp_path / "a.onnx")).load()
