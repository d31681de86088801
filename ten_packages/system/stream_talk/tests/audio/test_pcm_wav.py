"""Samples and files: every format people have, and what is not a number."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from stream_talk.audio.dump import PcmDump, safe_name
from stream_talk.audio.framing import Framer, split_frames
from stream_talk.audio.pcm import clipped_share, fade, rms_dbfs, silence, to_mono, to_pcm16, trim_silence
from stream_talk.audio.wav import WavError, WavWriter, read_wav, read_wav_channels, wav_bytes, write_wav


def tone(rate_hz: int = 16000, seconds: float = 0.2, hz: float = 440.0) -> np.ndarray:
    return (np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz) * 10000).astype(np.int16)


def test_floats_are_clipped_and_cleaned() -> None:
    samples = np.array([0.0, 1.5, -1.5, np.nan, np.inf, -np.inf, 0.5], np.float32)
    assert to_pcm16(samples).tolist() == [0, 32767, -32768, 0, 32767, -32768, 16384]


def test_other_integers_keep_their_level() -> None:
    assert to_pcm16(np.array([128, 255, 0], np.uint8)).tolist() == [0, 127 << 8, -32768]
    assert to_pcm16(np.array([1 << 30, -(1 << 31)], np.int32)).tolist() == [1 << 14, -32768]
    with pytest.raises(TypeError):
        to_pcm16(np.array(["a"]))


def test_levels() -> None:
    assert rms_dbfs(silence(100, 16000)) == -120.0
    assert rms_dbfs(np.zeros(0, np.int16)) == -120.0
    assert rms_dbfs(np.full(1000, 32767, np.int16)) == pytest.approx(0.0, abs=0.01)
    assert clipped_share(np.array([32767, 0, -32768, 5], np.int16)) == 0.5


def test_fades_touch_only_the_edges() -> None:
    shaped = fade(np.full(1600, 10000, np.int16), 16000, in_ms=5, out_ms=5)
    assert shaped[0] == 0 and shaped[-1] < 200
    assert (shaped[80:-80] == 10000).all()


def test_silence_is_trimmed_but_for_a_little() -> None:
    pcm = np.concatenate([silence(500, 16000), tone(), silence(500, 16000)])
    trimmed = trim_silence(pcm, 16000, keep_ms=20)
    assert abs(len(trimmed) - len(tone()) - 640) < 400
    assert len(trim_silence(silence(300, 16000), 16000)) == 0


def test_stereo_becomes_mono() -> None:
    assert to_mono(np.array([[100, 300], [-100, -300]], np.int16)).tolist() == [200, -200]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_can_be_read(tmp_path: Path, rate_hz: int, channels: int) -> None:
    pcm = tone(rate_hz)
    samples = pcm if channels == 1 else np.column_stack([pcm, pcm])
    write_wav(tmp_path / "x.wav", samples, rate_hz)
    read, read_rate_hz = read_wav(tmp_path / "x.wav")
    assert read_rate_hz == rate_hz
    assert np.abs(read.astype(int) - pcm.astype(int)).max() <= 1


def riff(
    kind: int, bits: int, body: bytes, *, channels: int = 1, rate_hz: int = 16000, extensible: bool = False
) -> bytes:
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, channels, rate_hz, rate_hz * block, block, bits)
    if extensible:
        head += struct.pack("<HHIH", 22, bits, 0, kind) + b"\0" * 14
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    return b"RIFF" + struct.pack("<I", 999) + b"WAVE" + chunks + b"data" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("encoding", ["u8", "s16", "s24", "s32", "f32", "f64"])
def test_encodings(encoding: str, extensible: bool) -> None:
    pcm = tone()
    wide = pcm.astype(np.int32) << 16
    bodies = {
        "u8": (1, 8, ((pcm >> 8) + 128).astype(np.uint8).tobytes()),
        "s16": (1, 16, pcm.tobytes()),
        "s24": (1, 24, b"".join(int(v).to_bytes(4, "little", signed=True)[1:] for v in wide)),
        "s32": (1, 32, wide.tobytes()),
        "f32": (3, 32, (pcm / 32768).astype("<f4").tobytes()),
        "f64": (3, 64, (pcm / 32768).astype("<f8").tobytes()),
    }
    kind, bits, body = bodies[encoding]
    read, _ = read_wav(riff(kind, bits, body, extensible=extensible))
    assert np.abs(read.astype(int) - pcm.astype(int)).max() <= (256 if encoding == "u8" else 1)


def test_a_recording_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    whole = wav_bytes(tone(), 16000)
    read, _ = read_wav(whole[:-1001])
    assert len(read) == len(tone()) - 501


def test_a_writer_that_was_never_closed_leaves_a_readable_file() -> None:
    buffer = io.BytesIO()
    WavWriter(buffer, 16000).write(tone())
    read, _ = read_wav(buffer.getvalue())
    assert np.array_equal(read, tone())


def test_reading_can_resample() -> None:
    read, rate_hz = read_wav(wav_bytes(tone(48000), 48000), 16000)
    assert rate_hz == 16000 and abs(len(read) - len(tone())) <= 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"RIFF",
        b"ID3 not a wave file at all",
        b"RIFF\0\0\0\0WAVE",
        riff(7, 8, b"\0" * 10),
        riff(1, 12, b"\0" * 10),
        riff(1, 16, b"", channels=0),
    ],
)
def test_what_is_no_wav_file_says_why(raw: bytes) -> None:
    with pytest.raises(WavError) as caught:
        read_wav(raw)
    assert str(caught.value)


def test_channels_stay_apart() -> None:
    both = np.column_stack([tone(), -tone()])
    read, _ = read_wav_channels(wav_bytes(both, 16000))
    assert np.array_equal(read, both)


def test_frames_of_any_chunks_are_the_same_samples() -> None:
    pcm, framer, frames = tone(), Framer(160), []
    for start in range(0, len(pcm), 37):
        frames.extend(framer.push(pcm[start : start + 37]))
    assert {len(f) for f in frames} == {160}
    rest = framer.flush(pad=False)
    assert np.array_equal(np.concatenate([*frames, rest]), pcm)
    assert framer.pending == 0


def test_the_last_frame_can_be_padded() -> None:
    framer = Framer(100)
    assert list(framer.push(tone()[:30])) == []
    assert len(framer.flush(pad=True)) == 100 and len(framer.flush(pad=True)) == 0
    assert [len(f) for f in split_frames(tone()[:250], 100)] == [100, 100, 50]
    with pytest.raises(ValueError, match="no frame"):
        Framer(0)


def test_dump_makes_a_file_only_when_there_is_sound(tmp_path: Path) -> None:
    dump = PcmDump(tmp_path, safe_name("../../etc/passwd"))
    dump.close()
    assert list(tmp_path.iterdir()) == []
    dump.write(b"abcd")
    dump.close()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"abcd"]


def test_dump_is_bounded(tmp_path: Path) -> None:
    dump = PcmDump(tmp_path, "x", limit_bytes=6)
    dump.write(b"abcd")
    dump.write(b"efgh")
    dump.close()
    assert dump.path.read_bytes() == b"abcdef"
