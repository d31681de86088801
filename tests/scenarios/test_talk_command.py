"""`stream-talk talk` as a person uses it: real engines, a process of its own, files in and out."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from stream_talk.audio.wav import read_wav_channels, write_wav


def stream_talk(*arguments: str, cwd, env=None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "stream_talk_cli.main", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=cwd, env={**os.environ, **(env or {})}
    )


@pytest.mark.slow
def test_a_newcomer_hears_a_conversation_with_one_option(tmp_path):
    done = stream_talk("talk", "--once", "--virtual", "--trace", "trace.json", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    roles = [turn["role"] for turn in result["transcript"]]
    assert roles[-2:] == ["user", "assistant"]
    sound, rate_hz = read_wav_channels(tmp_path / "reply.wav")
    person, assistant = sound[:, 0].astype(float), sound[:, 1].astype(float)
    assert np.abs(person).max() > 3000 and np.abs(assistant).max() > 3000
    trace = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    turn = next(t for t in trace["turns"] if t["turn_id"] == 1)
    # Time-aligned: the trace's answer time is what lies between the two channels of the file.
    last_of_person = np.flatnonzero(np.abs(person) > 300)[-1] / rate_hz * 1000
    answer = np.flatnonzero(np.abs(assistant[int(last_of_person * rate_hz / 1000) :]) > 300)[0] / rate_hz * 1000
    assert answer == pytest.approx(turn["ttfa_ms"], abs=120)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["talk"], "--wav"),
        (["talk", "--wav", "missing.wav"], "missing.wav"),
        (["talk", "--graph", "nonsense", "--once"], "nonsense"),
        (["talk", "--wav", "."], "no WAV files in ."),
        (["talk", "--once", "--out", "missing/x.wav"], "there is no directory missing"),
        (["talk", "--once", "--trace", "missing/x.json"], "there is no directory missing"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path, arguments, told):
    done = stream_talk(*arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert told in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_wav_is_told(tmp_path):
    (tmp_path / "q.wav").write_bytes(b"not a wave")
    done = stream_talk("talk", "--wav", "q.wav", "--virtual", cwd=tmp_path)
    assert done.returncode != 0
    assert "WAV" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_silence_and_noise_end_without_a_turn(tmp_path):
    rng = np.random.default_rng(1)
    write_wav(tmp_path / "a.wav", np.zeros(16000, dtype=np.int16), 16000)
    write_wav(tmp_path / "b.wav", rng.integers(-60, 60, 44100).astype(np.int16), 44100)
    done = stream_talk(
        "talk", "--wav", "a.wav", "--wav", "b.wav", "--virtual", "--json", "--reply-timeout", "3", cwd=tmp_path
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert [t for t in result["transcript"] if t["role"] == "user"] == []
