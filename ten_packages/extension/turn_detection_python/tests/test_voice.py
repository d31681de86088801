"""What the voice says: synthetic contours, recorded speech, and smart-turn's own model where it is installed."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable

from tests import speech

from ..ear import Ear
from ..prosody import Contour, contour, features, finished_probability, log_odds
from ..smart_turn import SmartTurnEngine, find_model, log_mel_spectrogram

RATE_HZ = 16000


def voice(start_hz: float, end_hz: float, start_level: float, end_level: float, seconds: float = 0.6) -> np.ndarray:
    """A buzz with a gliding pitch, like a vowel."""
    count = int(seconds * RATE_HZ)
    pitch = np.linspace(start_hz, end_hz, count)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (buzz * np.geomspace(start_level, end_level, count)).astype(np.int16)


@pytest.mark.parametrize("hz", [80, 110, 160, 220, 330])
def test_pitch_is_found(hz: int) -> None:
    pitch = contour(voice(hz, hz, 5000, 5000)).pitch
    assert np.nanmedian(pitch) == pytest.approx(12 * np.log2(hz / 55), abs=0.3)
    assert np.isnan(pitch).mean() < 0.1


def test_noise_has_no_pitch() -> None:
    hiss = (np.random.default_rng(0).standard_normal(9600) * 3000).astype(np.int16)
    assert np.isnan(contour(hiss).pitch).mean() > 0.9
    assert finished_probability(hiss) is None


def test_a_falling_fading_voice_sounds_finished_and_a_held_one_does_not() -> None:
    falling = finished_probability(voice(180, 100, 9000, 900))
    held = finished_probability(voice(150, 152, 7000, 6800))
    assert falling is not None and held is not None
    assert falling > 0.7 and held < 0.3


@pytest.mark.parametrize(
    "pcm",
    [np.zeros(0, np.int16), np.zeros(100, np.int16), np.zeros(9600, np.int16), np.full(9600, 32767, np.int16)],
    ids=["nothing", "too short", "silence", "clipped"],
)
def test_sound_without_voice_says_nothing(pcm: np.ndarray) -> None:
    assert finished_probability(pcm) is None


def test_features_need_some_voice() -> None:
    assert features(Contour(np.zeros(60), np.full(60, np.nan))) is None
    seen = features(contour(voice(120, 120, 4000, 4000)))
    assert seen is not None and np.isfinite(log_odds(seen))


@pytest.mark.speech
def test_recorded_sentences_sound_more_finished_than_their_beginnings() -> None:
    speech.require()
    whole, cut = [], []
    for prompt in speech.sample(20, min_words=6):
        pcm = speech.trimmed(speech.pcm(prompt))
        for samples, found in ((pcm, whole), (pcm[: len(pcm) // 2], cut)):
            probability = finished_probability(samples)
            if probability is not None:
                found.append(probability)
    assert np.mean(whole) > 0.75 and np.mean(cut) < 0.4


# --- the ear --------------------------------------------------------------------------------------------------------


def test_the_last_voice_ends_where_the_detector_says() -> None:
    ear = Ear()
    spoken = voice(150, 100, 5000, 2000)
    audio = np.concatenate([np.zeros(8000, np.int16), spoken, np.zeros(3200, np.int16)])
    ear.voice_began()
    for start in range(0, len(audio), 320):
        ear.hear(audio[start : start + 320], RATE_HZ, start // 16)
    ear.voice_ended((8000 + len(spoken)) / 16)
    assert np.array_equal(ear.last_voice(), spoken)
    assert ear.silence_ms == pytest.approx(200, abs=1)


def test_the_ear_forgets() -> None:
    ear = Ear()
    for start in range(0, 60_000, 20):
        ear.hear(np.ones(320, np.int16), RATE_HZ, start)
    assert len(ear.all()) <= 8 * RATE_HZ + 320


def test_questions_are_repeated_while_it_stays_silent() -> None:
    ear = Ear()
    ear.voice_began()
    ear.hear(np.zeros(1600, np.int16), RATE_HZ, 0)
    ear.voice_ended(100)
    ear.asked()
    asked = 0
    for start in range(100, 2000, 20):
        ear.hear(np.zeros(320, np.int16), RATE_HZ, start)
        if ear.asks_again(300, at_most=2):
            ear.asked()
            asked += 1
    assert asked == 2


# --- smart-turn -----------------------------------------------------------------------------------------------------


def test_the_spectrogram_has_whispers_shape_and_range() -> None:
    mel = log_mel_spectrogram(voice(150, 120, 6000, 3000, seconds=2))
    assert mel.shape == (80, 800) and mel.dtype == np.float32
    assert np.isfinite(mel).all() and mel.max() - mel.min() <= 2.0 + 1e-6
    assert log_mel_spectrogram(np.zeros(0, np.int16)).shape == (80, 800)
    long = np.random.default_rng(0).integers(-999, 999, 20 * RATE_HZ, np.int16)
    assert np.array_equal(log_mel_spectrogram(long), log_mel_spectrogram(long[-8 * RATE_HZ :]))


def test_a_tone_lies_in_its_mel_band() -> None:
    tone = (np.sin(2 * np.pi * 1000 * np.arange(8 * RATE_HZ) / RATE_HZ) * 8000).astype(np.int16)
    # Slaney's scale has 1 kHz at mel 15 of 45.2; of the 80 bands that is the 26th.
    assert abs(int(log_mel_spectrogram(tone)[:, 400].argmax()) - 26) <= 1


def test_without_the_model_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineUnavailable, match="pip install --no-deps pipecat-ai"):
        SmartTurnEngine(str(tmp_path / "none.onnx")).load()

    def nothing(_name: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "files", nothing)
    assert find_model() is None
    with pytest.raises(EngineUnavailable, match="no smart-turn model"):
        SmartTurnEngine().load()


@pytest.fixture(scope="session")
def smart_turn_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the real wheel: installed, named by SMART_TURN_MODEL, or downloaded once into the cache folder."""
    named = os.environ.get("SMART_TURN_MODEL")
    if named:
        return Path(named)
    installed = find_model()
    if installed is not None:
        return installed
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "stream-talk" / "smart-turn"
    found = sorted(cache.glob("*.onnx"))
    if found:
        return found[-1]
    wheels = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), "pipecat-ai"]
    downloaded = subprocess.run(command, capture_output=True, text=True, timeout=120)
    wheel = next(wheels.glob("*.whl"), None)
    if wheel is None:
        pytest.skip(f"pipecat-ai cannot be downloaded here: {downloaded.stderr.strip()[-200:]}")
    with zipfile.ZipFile(wheel) as archive:
        inside = sorted(name for name in archive.namelist() if "smart-turn-v3" in name and name.endswith("-cpu.onnx"))
        if not inside:
            pytest.skip(f"{wheel.name} holds no smart-turn-v3 model")
        cache.mkdir(parents=True, exist_ok=True)
        target = cache / Path(inside[-1]).name
        target.write_bytes(archive.read(inside[-1]))
    return target


@pytest.mark.speech
def test_smart_turn_tells_whole_sentences_from_their_beginnings(smart_turn_model: Path) -> None:
    speech.require()
    engine = SmartTurnEngine(str(smart_turn_model))
    engine.load()
    room = (np.random.default_rng(0).standard_normal(8000) * 4).astype(np.int16)
    whole, cut = [], []
    for prompt in speech.sample(10, min_words=6):
        pcm = speech.trimmed(speech.pcm(prompt))
        begun = pcm[: len(pcm) // 2].astype(np.float64)
        begun[-480:] *= np.linspace(1.0, 0.0, 480)
        whole.append(engine.probability(np.concatenate([room, pcm, room[:3200]])))
        cut.append(engine.probability(np.concatenate([room, begun.astype(np.int16), room[:3200]])))
    assert np.mean(whole) > np.mean(cut) + 0.25, "half a prompt is sometimes a sentence itself"
