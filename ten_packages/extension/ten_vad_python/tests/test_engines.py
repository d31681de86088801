"""ten-vad and the energy detector alone, and who stands in when ten-vad cannot run."""

from __future__ import annotations

import builtins
import platform
import sys
from typing import Any

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.ten import names
from stream_talk.testing.stage import Stage, drive

from tests import speech

from ..energy import EnergyVadEngine
from ..engine import TenVadEngine

RATE_HZ = 16000


def probabilities(engine: Any, pcm: np.ndarray) -> list[float]:
    hop = engine.hop_samples
    found = [engine.probability(pcm[i : i + hop]) for i in range(0, len(pcm) - hop + 1, hop)]
    return [0.0 if p is None else p for p in found]


def noise(seconds: float, level: float) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(int(seconds * RATE_HZ)) * level).astype(np.int16)


@pytest.fixture(params=[16, 10])
def ten_vad(request: pytest.FixtureRequest) -> TenVadEngine:
    engine = TenVadEngine(request.param)
    engine.load()
    return engine


@pytest.mark.speech
def test_ten_vad_hears_speech_and_nothing_else(ten_vad: TenVadEngine) -> None:
    speech.require()
    spoken = probabilities(ten_vad, speech.trimmed(speech.pcm("conf-kicked")))
    assert np.mean(np.array(spoken) > 0.5) > 0.8
    tone = (np.sin(2 * np.pi * 440 * np.arange(RATE_HZ * 2) / RATE_HZ) * 8000).astype(np.int16)
    for quiet in (np.zeros(RATE_HZ, np.int16), noise(2, 300), tone):
        ten_vad.reset()
        heard = np.array(probabilities(ten_vad, quiet)) > 0.5
        assert heard[len(heard) // 4 :].mean() < 0.05, "after it has got used to the noise"


def test_reset_forgets_the_stream(ten_vad: TenVadEngine) -> None:
    audio = noise(1, 5000)
    first = probabilities(ten_vad, audio)
    ten_vad.reset()
    assert probabilities(ten_vad, audio) == pytest.approx(first, abs=1e-6)


def test_sessions_have_engines_of_their_own(ten_vad: TenVadEngine) -> None:
    other = TenVadEngine(ten_vad.hop_samples * 1000 // RATE_HZ)
    other.load()
    audio, disturbance = noise(1, 3000), noise(1, 20000)
    alone = probabilities(ten_vad, audio)
    ten_vad.reset()
    hop = ten_vad.hop_samples
    mixed = []
    for start in range(0, len(audio) - hop + 1, hop):
        other.probability(disturbance[start : start + hop])
        mixed.append(ten_vad.probability(audio[start : start + hop]) or 0.0)
    assert mixed == pytest.approx(alone, abs=1e-6)


def test_a_wrong_hop_says_what_to_write() -> None:
    with pytest.raises(ValueError, match="10 and 16"):
        TenVadEngine(20)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # ten_vad's own __del__
def test_an_unknown_platform_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(EngineUnavailable, match=r"aarch64.*silero_vad_python"):
        TenVadEngine().load()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # ten_vad's own __del__
def test_a_missing_libcxx_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    import ten_vad

    def no_library(_path: str) -> None:
        raise OSError("libc++.so.1: cannot open shared object file")

    monkeypatch.setattr(ten_vad, "CDLL", no_library)
    with pytest.raises(EngineUnavailable, match="apt-get install libc"):
        TenVadEngine().load()


@pytest.mark.speech
def test_energy_hears_speech() -> None:
    speech.require()
    audio = np.concatenate([noise(1, 10), speech.trimmed(speech.pcm("conf-kicked")), noise(1, 10)])
    heard = np.array(probabilities(EnergyVadEngine(), audio)) > 0.5
    assert heard[65:-65].mean() > 0.6
    assert heard[:60].mean() == 0 and heard[-50:].mean() == 0


@pytest.mark.parametrize("level", [0, 8, 100, 1000])
def test_energy_takes_steady_noise_for_silence_after_a_while(level: float) -> None:
    heard = np.array(probabilities(EnergyVadEngine(), noise(5, level)))
    assert heard[int(3 * 62.5) :].max() < 0.5


def test_energy_ignores_a_constant_offset() -> None:
    assert max(probabilities(EnergyVadEngine(), np.full(RATE_HZ, 12000, np.int16))) < 0.5


# --- standing in ----------------------------------------------------------------------------------------------------


def hide(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    real_import = builtins.__import__

    def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in packages:
            raise ImportError(f"No module named {name!r}")
        return real_import(name, *args, **kwargs)

    for package in packages:
        monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setattr(builtins, "__import__", guarded)


def hears_one_sentence(**properties: Any) -> str:
    """Runs the extension on one sentence; returns what it complained about."""
    spoken = speech.trimmed(speech.pcm("conf-kicked"))
    audio = np.concatenate([noise(0.6, 4), spoken, noise(1, 4)])

    async def script(stage: Stage) -> None:
        await stage.speak(audio, {"session_id": "s"}, frame_samples=320)
        await stage.wait_for(lambda event: event.name == names.END_OF_SENTENCE)
        await stage.wait_data(names.ERROR)  # told from on_start on; frames that came before it may be through already

    record = drive("ten_vad_python", properties, script)
    start, end = record.cmds(names.START_OF_SENTENCE)[0].body, record.cmds(names.END_OF_SENTENCE)[0].body
    assert abs(start["timestamp_ms"] - 600) < 150
    assert abs(end["timestamp_ms"] - (600 + len(spoken) / 16)) < 150
    assert end["decided_ms"] - end["timestamp_ms"] >= 200
    return " ".join(event.body["message"] for event in record.data(names.ERROR))


@pytest.mark.speech
def test_silero_stands_in_without_ten_vad(monkeypatch: pytest.MonkeyPatch) -> None:
    speech.require()
    hide(monkeypatch, "ten_vad")
    complaint = hears_one_sentence()
    assert "pip install ten-vad" in complaint and "silero_vad_python detects speech instead" in complaint


@pytest.mark.speech
def test_loudness_stands_in_without_both(monkeypatch: pytest.MonkeyPatch) -> None:
    speech.require()
    hide(monkeypatch, "ten_vad")
    complaint = hears_one_sentence(fallback_engines=["no_such_python", "energy"])
    assert "no extension no_such_python" in complaint and "energy detects speech instead" in complaint


def test_without_any_engine_the_sound_still_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "ten_vad")

    async def script(stage: Stage) -> None:
        await stage.speak(noise(0.2, 100), {"session_id": "s"}, frame_samples=160)
        await stage.wait_audio(count=20)

    record = drive("ten_vad_python", {"fallback_engines": []}, script)
    error = record.data(names.ERROR)[0].body
    assert error["code"] == names.CODE_FATAL and "pip install ten-vad" in error["message"]
    assert np.array_equal(record.pcm(), noise(0.2, 100))


@pytest.mark.speech
def test_dump_holds_what_was_heard(tmp_path: Any) -> None:
    audio = noise(0.5, 1000)

    async def script(stage: Stage) -> None:
        await stage.speak(audio, {"session_id": "s"}, frame_samples=333)
        await stage.quiet_for(50)

    drive("ten_vad_python", {"dump": True, "dump_path": str(tmp_path)}, script)
    (file,) = tmp_path.glob("*.pcm")
    assert file.read_bytes() == audio.tobytes()
