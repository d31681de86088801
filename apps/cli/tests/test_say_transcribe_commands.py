"""`say` and `transcribe`: one stage of a real graph, through the real runtime, from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from stream_talk.audio.wav import read_wav, write_wav

from tests import speech


def command(*arguments: str, stdin: bytes | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "stream_talk_cli.main", *arguments]
    done = subprocess.run(program, capture_output=True, timeout=90, input=stdin, cwd=cwd)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_say_writes_a_wav_file(tmp_path: Path) -> None:
    out = tmp_path / "hello.wav"
    done = command("say", "Hello there, how are you?", "--out", str(out))
    assert done.returncode == 0, done.stderr
    pcm, rate_hz = read_wav(out)
    assert 0.8 < len(pcm) / rate_hz < 4 and np.abs(pcm).max() > 3000
    assert str(out) in done.stdout and "s of speech" in done.stdout
    assert done.stderr == ""


def test_say_as_json_has_words_and_mouth_shapes_in_chinese_too(tmp_path: Path) -> None:
    done = command(
        "say", "-", "--graph", "chinese-voice", "--json", "--out", str(tmp_path / "x.wav"), stdin="你好".encode()
    )
    result = json.loads(done.stdout)
    assert [word["word"] for word in result["words"]] == ["你", "好"]
    assert result["visemes"] and result["seconds"] > 0.3 and result["sample_rate_hz"] == 22050


def test_say_takes_voice_and_rate(tmp_path: Path) -> None:
    slow, fast = tmp_path / "slow.wav", tmp_path / "fast.wav"
    assert command("say", "Just a moment please.", "--voice", "de", "--out", str(slow)).returncode == 0
    assert command("say", "Just a moment please.", "--voice", "de", "--rate", "2", "--out", str(fast)).returncode == 0
    assert len(read_wav(fast)[0]) < 0.75 * len(read_wav(slow)[0])


def test_say_lists_voices() -> None:
    listed = {voice["name"]: voice for voice in json.loads(command("say", "--voices", "--json").stdout)}
    assert listed["cmn"]["language"] == "cmn" and len(listed) > 50


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["say"], "nothing to say"),
        (["say", "..."], "nothing of this text can be spoken"),
        (["say", "Hello", "--voice", "nobody-7"], "no voice 'nobody-7'"),
        (["say", "Hello", "--out", "/no/such/folder/x.wav"], "there is no directory"),
        (["say", "Hello", "--graph", "embeded"], "embedded"),
        (["say", "Hello", "--node", "ttss"], 'no node "ttss"'),
        (["transcribe", "/no/such.wav"], "there is no file /no/such.wav"),
        (["transcribe", "/no/such.wav", "--speed", "0"], "above 0"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments: list[str], complaint: str, tmp_path: Path) -> None:
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert complaint in done.stderr and "Traceback" not in done.stderr


def test_transcribe_refuses_what_is_no_wav_file(tmp_path: Path) -> None:
    text, empty = tmp_path / "text.wav", tmp_path / "empty.wav"
    text.write_text("hello")
    write_wav(empty, np.zeros(0, np.int16), 16000)
    assert "not a WAV file" in command("transcribe", str(text)).stderr
    assert "holds no sound" in command("transcribe", str(empty)).stderr


def test_transcribe_of_silence_says_so(tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.wav"
    write_wav(quiet, np.zeros(16000, np.int16), 16000)
    done = command("transcribe", str(quiet))
    assert done.returncode == 0 and done.stdout == "" and "no words" in done.stderr


@pytest.mark.speech
def test_transcribe_writes_down_recorded_speech() -> None:
    speech.require()
    file = str(speech.wav_path("conf-kicked"))
    assert "kicked from this conference" in command("transcribe", file).stdout
    result = json.loads(command("transcribe", file, "--json", "--speed", "20").stdout)
    assert "kicked from this conference" in result["text"]
    (segment,) = result["segments"]
    assert segment["words"][-1]["word"] == "conference" and segment["language"] == "en-US"


@pytest.mark.speech
def test_transcribe_takes_any_rate_from_standard_input(tmp_path: Path) -> None:
    speech.require()
    from stream_talk.audio.resample import resample_whole

    other = tmp_path / "other.wav"
    write_wav(other, resample_whole(speech.pcm("conf-kicked"), 16000, 44100), 44100)
    assert "kicked from this conference" in command("transcribe", "-", stdin=other.read_bytes()).stdout
