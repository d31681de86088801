"""The canceller on a synthetic room, and the stage around it."""

from __future__ import annotations

import builtins
import json
import sys
from typing import Any

import numpy as np
import pytest
from stream_talk import clock
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.ten import messages, names
from stream_talk.testing.stage import Stage, drive
from ten_runtime import AsyncExtensionTester, AsyncTenEnvTester, AudioFrame

from tests import speech

from ..engine import FRAME_SAMPLES, EchoGuardEngine, Processing
from ..reference import PlaybackReference

RATE_HZ = 16000
META = {"session_id": "s"}


def voice(seconds: float) -> np.ndarray:
    """Recorded speech, or a buzz that changes like it where the recordings are missing."""
    speech.require()
    pieces = [speech.trimmed(speech.pcm(prompt)) for prompt in speech.sample(12, min_words=6, seed=5)]
    return np.concatenate(pieces)[: int(seconds * RATE_HZ)]


def echo_of(far: np.ndarray, delay_ms: int = 60, gain_db: float = -10.0) -> np.ndarray:
    random = np.random.default_rng(3)
    response = random.standard_normal(1920) * np.exp(-np.arange(1920) / 300)
    response *= 10 ** (gain_db / 20) / np.sqrt((response**2).sum())
    echo = np.concatenate([np.zeros(delay_ms * 16), np.convolve(far, response)])[: len(far)]
    return np.clip(echo + random.standard_normal(len(far)) * 10, -32768, 32767).astype(np.int16)


def power_db(pcm: np.ndarray) -> float:
    return float(10 * np.log10((pcm.astype(float) ** 2).mean() + 1e-9))


@pytest.mark.speech
def test_our_own_voice_is_taken_out_and_the_person_stays() -> None:
    far = voice(8)
    echo = echo_of(far)
    engine = EchoGuardEngine(Processing())
    engine.load()
    cleaned = np.concatenate(
        [engine.process(echo[i : i + 320], far[i : i + 320]) for i in range(0, len(far) - 319, 320)]
    )
    assert power_db(echo[2 * RATE_HZ :]) - power_db(cleaned[2 * RATE_HZ :]) > 20
    person = EchoGuardEngine(Processing())
    person.load()
    kept = person.process(far[: 4 * RATE_HZ], np.zeros(4 * RATE_HZ, np.int16))
    assert power_db(far[RATE_HZ : 4 * RATE_HZ]) - power_db(kept[RATE_HZ:]) < 6


@pytest.mark.speech
def test_a_reply_right_behind_another_is_not_taken_for_a_person() -> None:
    """No pause tells of the second one, and its echo comes a little later than that of the first: reports are not exact."""
    far = voice(6)
    begins, ends = 4 * RATE_HZ, 4 * RATE_HZ + 6400
    near = np.concatenate([echo_of(far)[:begins], echo_of(far, delay_ms=80)[begins:]])

    def loudest_after(*, jumped: bool) -> int:
        engine = EchoGuardEngine(Processing())
        engine.load()
        engine.process(near[:begins], far[:begins])
        return int(np.abs(engine.process(near[begins:ends], far[begins:ends], jumped=jumped).astype(int)).max())

    assert loudest_after(jumped=False) > 300, "the case is meant to need it"
    assert loudest_after(jumped=True) == 0


def test_the_reference_tells_of_jumps() -> None:
    reference = PlaybackReference()
    for number in (1, 2):
        reference.push(f"r{number}", number, np.ones(16000, np.int16))
    jumps = []
    for request, played_ms, state in [
        ("r1", 0, "started"),
        ("r1", 110, "playing"),  # a late report is no jump
        ("r1", 600, "playing"),  # a resume elsewhere is
        ("r1", 620, "finished"),
        ("r2", 0, "started"),
    ]:
        reference.report(request, int(request[1]), played_ms, state)
        reference.pull(1600)
        jumps.append(reference.take_jump())
    assert jumps == [True, False, True, False, True]


def test_frames_of_any_length_lose_nothing() -> None:
    engine = EchoGuardEngine(Processing())
    engine.load()
    sent = received = 0
    for length in (1, 159, 160, 161, 333, 512, 0, 1600, 7):
        pcm = np.full(length, 100, np.int16)
        reference = np.zeros(engine.frames_in(pcm) * FRAME_SAMPLES, np.int16)
        received += len(engine.process(pcm, reference))
        sent += length
        assert sent - received == engine.waiting_samples < FRAME_SAMPLES


def test_odd_sound_does_no_harm() -> None:
    engine = EchoGuardEngine(Processing())
    engine.load()
    for pcm in (np.full(1600, 32767, np.int16), np.full(1600, -32768, np.int16), np.zeros(1600, np.int16)):
        assert len(engine.process(pcm, pcm)) == 1600


# --- the stage ------------------------------------------------------------------------------------------------------


def hide_livekit(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "livekit":
            raise ImportError("No module named 'livekit'")
        return real_import(name, *args, **kwargs)

    for module in [name for name in sys.modules if name.partition(".")[0] == "livekit"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", guarded)


def test_without_livekit_the_engine_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_livekit(monkeypatch)
    with pytest.raises(EngineUnavailable, match="pip install livekit"):
        EchoGuardEngine(Processing()).load()


def test_without_livekit_sound_passes_unchanged_and_the_person_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_livekit(monkeypatch)
    pcm = np.arange(3200, dtype=np.int16)

    async def script(stage: Stage) -> None:
        await stage.speak(pcm, META, frame_samples=333)
        await stage.wait_for(lambda event: event.kind == "audio", count=10)

    record = drive("echo_guard_python", {}, script)
    assert np.array_equal(record.pcm(), pcm)
    assert "pip install livekit" in record.data(names.ERROR)[0].body["message"]
    assert "headset" in record.data(names.MESSAGE)[0].body["text"]


def test_metadata_and_media_time_are_kept() -> None:
    async def script(stage: Stage) -> None:
        await stage.speak(np.full(16000, 50, np.int16), META, frame_samples=333, from_ms=5000)
        await stage.wait_for(lambda event: event.kind == "audio", count=45)

    frames = drive("echo_guard_python", {}, script).audio()
    assert all(frame.body == META for frame in frames)
    at_ms = frames[0].timestamp_ms
    assert at_ms == 5000
    for frame in frames:
        assert abs(frame.timestamp_ms - at_ms) <= 1
        at_ms += len(frame.pcm) / 16  # type: ignore[arg-type]


@pytest.mark.parametrize("rate_hz", [8000, 24000, 44100, 48000])
def test_other_sample_rates_come_out_at_16_khz(rate_hz: int) -> None:
    tone = (np.sin(2 * np.pi * 400 * np.arange(rate_hz) / rate_hz) * 5000).astype(np.int16)

    async def script(stage: Stage) -> None:
        await stage.speak(tone, META, sample_rate_hz=rate_hz, frame_samples=rate_hz // 50)
        while await stage.quiet_for(150):
            pass

    record = drive("echo_guard_python", {"noise_suppression": False}, script)
    assert all(frame.sample_rate_hz == RATE_HZ for frame in record.audio())
    assert abs(len(record.pcm()) - RATE_HZ) < 400


class Loudspeaker(AsyncExtensionTester):
    """A graph in which the node `tts` is a second echo guard that only passes on: two sources of `pcm_frame`."""

    def __init__(self, far: np.ndarray, near: np.ndarray) -> None:
        super().__init__()
        self._far, self._near = far, near
        self.cleaned: list[np.ndarray] = []
        nodes = [
            {"type": "extension", "name": "echo_guard", "addon": "echo_guard_python", "extension_group": "a"},
            {
                "type": "extension",
                "name": "tts",
                "addon": "echo_guard_python",
                "extension_group": "a",
                "property": {"echo_cancellation": False, "noise_suppression": False, "high_pass_filter": False},
            },
            {"type": "extension", "name": "host", "addon": "ten:test_extension", "extension_group": "t"},
        ]
        frame = "pcm_frame"
        connections = [
            {
                "extension": "host",
                "audio_frame": [
                    {"name": "microphone", "dest": [{"extension": "echo_guard"}]},
                    {"name": frame, "dest": [{"extension": "tts"}]},
                ],
                "data": [{"name": names.PLAYOUT_REPORT, "dest": [{"extension": "echo_guard"}]}],
            },
            {"extension": "tts", "audio_frame": [{"name": frame, "dest": [{"extension": "echo_guard"}]}]},
            {"extension": "echo_guard", "audio_frame": [{"name": frame, "dest": [{"extension": "host"}]}]},
        ]
        self.set_test_mode_graph(json.dumps({"nodes": nodes, "connections": connections}))
        self.set_virtual_clock(True)

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        said = messages.to_json({**META, "request_id": "r", "generation": 1})
        for start in range(0, len(self._far), 3200):
            await ten_env.send_audio_frame(
                messages.pcm_frame(self._far[start : start + 3200], RATE_HZ, metadata_json=said)
            )
        await clock.sleep_ms(100)
        for start in range(0, len(self._near) - 319, 320):
            if start % 1600 == 0:
                report = {"request_id": "r", "generation": 1, "played_ms": start / 16, "state": "playing"}
                await ten_env.send_data(messages.data(names.PLAYOUT_REPORT, report))
            frame = messages.pcm_frame(
                self._near[start : start + 320], RATE_HZ, metadata_json=json.dumps(META), name="microphone"
            )
            await ten_env.send_audio_frame(frame)
            await clock.sleep_ms(20)
        await clock.sleep_ms(100)
        ten_env.stop_test()

    async def on_audio_frame(self, ten_env: AsyncTenEnvTester, audio_frame: AudioFrame) -> None:
        self.cleaned.append(messages.PcmReader().read(audio_frame).pcm.copy())


@pytest.mark.speech
def test_frames_of_the_voice_are_the_reference_and_not_the_microphone() -> None:
    far = voice(6)
    near = echo_of(far)
    loudspeaker = Loudspeaker(far, near)
    assert loudspeaker.run() is None
    cleaned = np.concatenate(loudspeaker.cleaned)
    assert abs(len(cleaned) - len(near)) <= 320
    assert power_db(near[2 * RATE_HZ :]) - power_db(cleaned[2 * RATE_HZ :]) > 20
