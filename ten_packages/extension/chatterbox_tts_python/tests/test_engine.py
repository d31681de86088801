"""The engine on a stand-in of chatterbox-streaming with real torch. Runs in tests/environments/voices."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, SpeechRequest
from stream_talk.engines.runner import CancelFlag

from . import folder

torch = pytest.importorskip("torch", reason="runs in tests/environments/voices")

from ..engine import ChatterboxEngine  # noqa: E402
from ..options import ChatterboxOptions  # noqa: E402

SENTENCE = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def upstream():
    torch.set_num_threads(1)
    sys.path.insert(0, str(folder.STAND_IN))
    import chatterbox.tts
    from chatterbox.models.t3.inference import t3_hf_backend

    yield chatterbox.tts, t3_hf_backend
    sys.path.remove(str(folder.STAND_IN))
    for name in [n for n in sys.modules if n.partition(".")[0] == "chatterbox"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    return folder.make(tmp_path_factory.mktemp("chatterbox"))


@pytest.fixture
def engine(upstream, params):
    engine = ChatterboxEngine(**params)
    engine.load()
    return engine


def chunks(engine, text, first=True, **options):
    return [c.pcm for c in engine.speak(SpeechRequest(text, options, first_of_reply=first), CancelFlag())]


def said(engine, text, **options):
    return np.concatenate(chunks(engine, text, **options))


def tone(samples, pitch):
    return 0.5 * 32768 * np.sin(2 * np.pi * pitch * np.arange(samples) / 24000)


def test_the_first_sound_needs_ten_tokens(engine, upstream):
    _, backend = upstream
    backend.steps = 0
    stream = engine.speak(SpeechRequest(SENTENCE), CancelFlag())
    first = next(stream)
    assert len(first.pcm) > 2000 and backend.steps <= 11
    assert len(list(stream)) >= 3


def test_pieces_grow_and_each_decodes_the_clause_from_its_start(engine, upstream):
    tts, _ = upstream
    tts.decoded.clear()
    chunks(engine, SENTENCE * 4)
    counts = [count for count, _ in tts.decoded]
    assert counts[:5] == [10, 25, 50, 100, 150]
    assert [last for _, last in tts.decoded] == [False] * (len(counts) - 1) + [True]


def test_seams_cannot_be_heard(engine):
    """Against the unsplit sine: off by less than -50 dB everywhere but in the fades at the clause's ends."""
    pcm = said(engine, SENTENCE * 3).astype(float)
    off = (pcm - tone(len(pcm), 220.0))[600:-600]
    assert np.sqrt(np.mean(off**2)) / (0.5 * 32768 / np.sqrt(2)) < 10 ** (-50 / 20)
    assert np.abs(off).max() / (0.5 * 32768) < 10 ** (-50 / 20)
    assert np.abs(np.diff(pcm)).max() < 1.05 * np.abs(np.diff(tone(48000, 220.0))).max()


def test_every_token_is_spoken(engine, upstream):
    _, backend = upstream
    backend.steps = 0
    pcm = said(engine, SENTENCE)
    assert len(pcm) == (backend.steps - 1) * 960  # the last step was the end mark


def test_without_an_end_mark_the_cap_ends_the_clause_and_what_is_left_is_spoken(engine):
    text = "endless words"
    assert len(said(engine, text)) == (len(text) * 2 + 40) * 960


def test_no_attention_maps_are_computed(engine, upstream):
    _, backend = upstream
    said(engine, SENTENCE)
    assert backend.attention_maps == 0


def test_the_second_request_begins_like_the_first(engine):
    one, two = chunks(engine, SENTENCE), chunks(engine, SENTENCE)
    assert [len(c) for c in one] == [len(c) for c in two]
    assert np.array_equal(np.concatenate(one), np.concatenate(two))


def test_a_cancel_stops_at_the_next_token(engine, upstream):
    _, backend = upstream
    flag = CancelFlag()
    stream = engine.speak(SpeechRequest(SENTENCE * 4), flag)
    next(stream)
    before = backend.steps
    flag.set()
    assert list(stream) == []
    assert backend.steps - before <= 1
    assert len(said(engine, "Next.")) > 0


def test_a_hundred_cancels_leave_nothing_behind(engine):
    reference = said(engine, SENTENCE)
    threads = threading.active_count()
    for _ in range(100):
        stream = engine.speak(SpeechRequest(SENTENCE), CancelFlag())
        next(stream)
        stream.close()
    assert threading.active_count() == threads and len(engine._shelf._made) == 1
    assert np.array_equal(said(engine, SENTENCE), reference)


def test_an_error_in_the_model_reaches_the_caller_and_the_next_request_works(engine):
    with pytest.raises(RuntimeError, match="out of memory"):
        said(engine, "broken but long enough")
    assert len(said(engine, "Fine again.")) > 0


def test_two_voices_alternate_and_are_prepared_once(engine, upstream):
    tts, _ = upstream
    tts.prepared.clear()
    spoken = [said(engine, SENTENCE, voice=name) for name in ("ann", "robert", "ann", "robert", "default")]
    assert tts.prepared == ["ann.wav", "robert.wav"]
    assert np.array_equal(spoken[0], spoken[2]) and np.array_equal(spoken[1], spoken[3])
    for pcm, pitch in zip(spoken[:2], (360.0, 390.0), strict=True):
        assert np.abs((pcm - tone(len(pcm), pitch))[600:-600]).max() < 60
    assert np.array_equal(spoken[4], said(engine, SENTENCE, voice="nobody"))


def test_a_slider_does_not_fill_the_memory(engine):
    for step in range(300):
        engine._shelf.conditionals("default", 0.5 + step / 1000)
    assert len(engine._shelf._made) <= 8


def test_exaggeration_is_part_of_the_cached_voice(engine):
    said(engine, "One.", voice="ann", exaggeration=0.3)
    said(engine, "Two.", exaggeration=0.7)
    kept = {key: float(conds.t3.emotion_adv[0, 0, 0]) for key, conds in engine._shelf._made.items()}
    assert kept == pytest.approx({("default", 0.5): 0.5, ("ann", 0.3): 0.3, ("default", 0.7): 0.7})


def test_the_watermark_is_on_unless_it_is_switched_off(upstream, params):
    assert ChatterboxOptions().watermark
    marked = ChatterboxEngine(**{**params, "watermark": True})
    marked.load()
    assert np.abs(said(marked, SENTENCE)).max() == pytest.approx(8192, abs=20)


@pytest.mark.parametrize("text", ["", " ", "...", "😀"])
def test_what_cannot_be_spoken_never_reaches_the_model(engine, upstream, text):
    _, backend = upstream
    before = backend.steps
    assert chunks(engine, text) == [] and backend.steps == before


@pytest.mark.parametrize(("changes", "what"), [
    ({"model": "/no/such"}, "ve.pt"),
    ({"allow_slow": False}, "allow_slow"),
    ({"voice": "nobody"}, "ann, robert"),
])  # fmt: skip
def test_what_is_missing_is_named(upstream, params, changes, what):
    with pytest.raises(EngineUnavailable, match=what):
        ChatterboxEngine(**{**params, **changes}).load()


def test_ids_that_are_no_sound_cannot_win():
    from ..token_loop import pick

    logits = torch.full((2, 8194), -40.0)
    logits[:, 6563:] = 90.0
    logits[:, 6561] = 90.0
    logits[:, 17] = 10.0
    assert pick(logits, torch.tensor([[6561]]), 6562, ChatterboxOptions(), None) == 17


def test_a_token_that_was_said_is_less_likely():
    from ..token_loop import pick

    logits = torch.full((2, 8194), -40.0)
    logits[:, 17], logits[:, 18] = 10.0, 9.0
    options = ChatterboxOptions()
    assert pick(logits.clone(), torch.tensor([[6561, 17]]), 6562, options, None) == 18
    assert pick(logits.clone(), torch.tensor([[6561, 18]]), 6562, options, None) == 17
