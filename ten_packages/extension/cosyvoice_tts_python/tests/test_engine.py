"""The engine on a stand-in of CosyVoice's checkout with real torch. Runs in tests/environments/voices."""

from __future__ import annotations

import logging
import sys
import threading
import time
import types

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, SpeechRequest
from stream_talk.engines.runner import CancelFlag

from . import folder

torch = pytest.importorskip("torch", reason="runs in tests/environments/voices")

from ..engine import CosyvoiceEngine  # noqa: E402
from ..speakers import Speakers  # noqa: E402

SENTENCE = "The quick brown fox jumps over the lazy dog."
FIRST = 25 * 960 - 3840


@pytest.fixture(scope="module", autouse=True)
def upstream():
    """Imported by the engine itself, from the folder that it is given."""
    torch.set_num_threads(1)
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in [n for n in sys.modules if n.partition(".")[0] in ("cosyvoice", "matcha")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    return folder.version_2(tmp_path_factory.mktemp("cosyvoice"))


@pytest.fixture
def engine(params, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    engine = CosyvoiceEngine(**params)
    engine.load()
    return engine


def chunks(engine, text, **options):
    return [c.pcm for c in engine.speak(SpeechRequest(text, options), CancelFlag()) if len(c.pcm)]


def said(engine, text, **options):
    return np.concatenate(chunks(engine, text, **options))


def tone(samples, pitch, rate_hz=24000):
    return 0.5 * 32768 * np.sin(2 * np.pi * pitch * np.arange(samples) / rate_hz)


def books(engine):
    model = engine._cosy.model
    return [len(model.tts_speech_token_dict), len(model.llm_end_dict), len(model.hift_cache_dict)]


def test_the_first_sound_needs_28_tokens_and_no_more(engine):
    llm = engine._cosy.model.llm
    llm.pace = threading.Semaphore(28)
    stream = engine.speak(SpeechRequest(SENTENCE), CancelFlag())
    first = next(stream)
    assert len(first.pcm) == FIRST - 120 and llm.steps == 28
    llm.pace.release(1000)
    assert sum(len(c.pcm) for c in stream) > 0


def test_every_request_begins_with_a_short_chunk(engine):
    """Upstream doubles its hop for all who come after."""
    lengths = [[len(c) for c in chunks(engine, SENTENCE * 3)] for _ in range(3)]
    assert lengths[0] == lengths[1] == lengths[2]
    assert lengths[0][:3] == [FIRST - 120, 50 * 960, 100 * 960]


def test_seams_cannot_be_heard_and_the_last_chunk_is_as_loud(engine):
    pcm = said(engine, SENTENCE * 3).astype(float)
    assert len(pcm) == 2 * len(SENTENCE * 3) * 960
    off = np.abs(pcm - tone(len(pcm), 240.0))[600:-600] / (0.5 * 32768)
    assert off.max() < 10 ** (-50 / 20)


def test_the_stand_in_has_the_faults_that_are_avoided(engine):
    """Without our class: the second request starts late, the last chunk is louder, the seams swell."""
    from cosyvoice.cli.cosyvoice import CosyVoice2

    cosy = CosyVoice2(engine._options.model_dir)
    cosy.add_zero_shot_spk("x", "", "anna")
    runs = [
        [o["tts_speech"].shape[1] for o in cosy.inference_zero_shot(SENTENCE, "", "", "anna", stream=True)]
        for _ in range(2)
    ]
    assert runs[0][0] < runs[1][0]
    wave = np.concatenate(
        [o["tts_speech"][0].numpy() for o in cosy.inference_zero_shot(SENTENCE * 3, "", "", "anna", stream=True)]
    )
    assert np.abs(wave[-48000:-24000]).max() > 0.55 and np.abs(wave).max() < 0.66


def test_a_cancel_stops_the_language_model_at_its_next_token(engine):
    llm = engine._cosy.model.llm
    llm.pace = threading.Semaphore(28)
    flag = CancelFlag()
    stream = engine.speak(SpeechRequest(SENTENCE * 4), flag)
    next(stream)
    flag.set()
    llm.pace.release(1000)
    assert list(stream) == []
    assert llm.steps <= 29 and books(engine) == [0, 0, 0]
    llm.pace = None
    assert len(said(engine, "Next.")) > 0


def test_a_hundred_cancels_leave_nothing_behind(engine):
    reference, threads = said(engine, SENTENCE), threading.active_count()
    for _ in range(100):
        stream = engine.speak(SpeechRequest(SENTENCE), CancelFlag())
        next(stream)
        stream.close()
    assert books(engine) == [0, 0, 0] and threading.active_count() == threads
    assert np.array_equal(said(engine, SENTENCE), reference)


def test_an_error_in_the_language_model_reaches_the_caller(engine):
    began = time.monotonic()
    with pytest.raises(ValueError, match="infinite sampling"):
        said(engine, "!fails at the tenth token")
    assert time.monotonic() - began < 1.0
    assert books(engine) == [0, 0, 0] and len(said(engine, "Fine again.")) > 0


def test_short_text_is_spoken_whole(engine):
    assert len(said(engine, "Hi")) == 4 * 960


def test_prompts_are_encoded_once_and_trimmed_to_the_grid(engine):
    from cosyvoice.cli import cosyvoice

    cosyvoice.encoded.clear()
    spoken = [said(engine, SENTENCE, voice=name) for name in ("anna", "bob", "anna", "bob", "nobody")]
    assert cosyvoice.encoded == [("bob", "")]
    info = engine._cosy.frontend.spk2info["bob"]
    assert info["flow_prompt_speech_token"].shape[1] == 25 and info["prompt_speech_feat"].shape[1] == 50
    assert int(info["flow_prompt_speech_token_len"]) == 25 and int(info["prompt_speech_feat_len"]) == 50
    assert np.array_equal(spoken[0], spoken[2]) and np.array_equal(spoken[1], spoken[3])
    assert np.abs(spoken[1] - tone(len(spoken[1]), 230.0))[600:-600].max() < 60
    assert np.array_equal(spoken[4], spoken[0])


def test_the_transcript_beside_a_recording_is_used(params):
    CosyvoiceEngine(**params).load()
    from cosyvoice.cli import cosyvoice

    assert cosyvoice.encoded[-1] == ("anna", "What Anna says.")


def test_loading_leaves_the_log_as_it_was(params):
    before = logging.getLogger().level
    CosyvoiceEngine(**params).load()
    assert logging.getLogger().level == before


@pytest.mark.parametrize("text", ["", " ", "...", "😀"])
def test_what_cannot_be_spoken_never_reaches_the_model(engine, text):
    assert chunks(engine, text) == [] and engine._cosy.model.llm.steps == 0


class TestVersion1:
    def test_stored_speakers_speak_in_windows(self, tmp_path):
        engine = CosyvoiceEngine(**folder.version_1(tmp_path))
        engine.load()
        assert [voice.name for voice in engine.voices()] == ["one", "two"] and engine.sample_rate_hz == 22050
        pieces = chunks(engine, SENTENCE * 2, voice="two")
        assert len(pieces) >= 3
        pcm = np.concatenate(pieces)
        assert len(pcm) == 2 * len(SENTENCE * 2) * 441
        assert np.abs(pcm - tone(len(pcm), 330.0, 22050))[300:-300].max() < 20
        model = engine._cosy.model
        assert not model.mel_overlap_dict and not model.flow_cache_dict and books(engine) == [0, 0, 0]


@pytest.mark.parametrize(("changes", "what"), [
    ({"repo_dir": "/no/such"}, "git clone --recursive"),
    ({"model_dir": "iic/CosyVoice2-0.5B"}, "cosyvoice2.yaml"),
    ({"voice": "nobody"}, "anna, bob"),
    ({"device": "cuda"}, "CUDA"),
])  # fmt: skip
def test_what_is_missing_is_named_and_nothing_is_fetched(params, changes, what):
    if changes.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(EngineUnavailable, match=what):
        CosyvoiceEngine(**{**params, **changes}).load()


def test_a_model_folder_that_lacks_a_file_is_named(params, tmp_path):
    (tmp_path / "cosyvoice2.yaml").touch()
    with pytest.raises(EngineUnavailable, match=r"llm\.pt, flow\.pt"):
        CosyvoiceEngine(**{**params, "model_dir": str(tmp_path)}).load()


def test_a_checkout_without_its_submodule_is_named(params, tmp_path):
    (tmp_path / "cosyvoice" / "cli").mkdir(parents=True)
    (tmp_path / "cosyvoice" / "cli" / "cosyvoice.py").touch()
    with pytest.raises(EngineUnavailable, match="git submodule update"):
        CosyvoiceEngine(**{**params, "repo_dir": str(tmp_path)}).load()


@pytest.mark.parametrize(("name", "marked"), [("anna", False), ("bob", True)])
def test_version_3_gets_its_mark_with_and_without_a_transcript(tmp_path, name, marked):
    """In the prompt where there is one, otherwise in the text: without it the language model fails."""
    asked: list[str] = []

    class CosyVoice3:
        def __init__(self):
            self.frontend = types.SimpleNamespace(spk2info={}, text_normalize=lambda text, **_: text)

        def add_zero_shot_spk(self, prompt_text, prompt_wav, name):
            asked.append(prompt_text)
            tokens, feat = torch.zeros(1, 50), torch.zeros(1, 100, 80)
            self.frontend.spk2info[name] = {"flow_prompt_speech_token": tokens, "prompt_speech_feat": feat}

        def inference_zero_shot(self, text, *_, **__):
            asked.append(text)

        inference_cross_lingual = inference_zero_shot

    for recording in ("anna", "bob"):
        (tmp_path / f"{recording}.wav").touch()
    (tmp_path / "anna.txt").write_text("What Anna says.")
    speakers = Speakers(CosyVoice3(), str(tmp_path))
    speakers.synthesis(speakers.prepare(name), "Hello.", False)
    assert "<|endofprompt|>" in asked[0] and ("<|endofprompt|>" in asked[1]) is marked
