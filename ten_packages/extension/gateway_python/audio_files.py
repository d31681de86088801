"""Audio files as clients send and want them. libsndfile does what it can; ffmpeg, where it is installed, the rest."""

from __future__ import annotations

import asyncio
import io
import shutil
import struct
from collections.abc import AsyncIterator

import numpy as np
import soundfile
from stream_talk.audio.resample import resample_whole

TARGET_RATE_HZ = 16_000
CONTENT_TYPES = {
    "mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm",
}  # fmt: skip
_SNDFILE = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_16")}
_FFMPEG = {"aac": "adts"}
_PIPE_BYTES = 16_384
_OPEN_END = 0xFFFFFFFF


class BadAudio(ValueError):
    """The sound cannot be read or made; the text says why."""


async def decode(data: bytes, *, max_seconds: float) -> bytes:
    """Any audio file as 16 kHz mono s16le."""
    try:
        return await asyncio.to_thread(_decode_with_sndfile, data, max_seconds)
    except soundfile.LibsndfileError:
        return await _decode_with_ffmpeg(data, max_seconds)


def _decode_with_sndfile(data: bytes, max_seconds: float) -> bytes:
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        if file.frames > max_seconds * file.samplerate:
            raise BadAudio(f"longer than {max_seconds:.0f} seconds")
        samples = file.read(dtype="float32", always_2d=True).mean(axis=1)
        rate_hz = file.samplerate
    pcm = np.clip(np.nan_to_num(samples) * 32767.0, -32768, 32767).astype(np.int16)
    return bytes(resample_whole(pcm, rate_hz, TARGET_RATE_HZ).tobytes())


async def _decode_with_ffmpeg(data: bytes, max_seconds: float) -> bytes:
    """webm, mp4 and what else browsers record."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise BadAudio("unsupported audio: this container needs ffmpeg, which is not installed here")
    limits = ["-nostdin", "-v", "error", "-protocol_whitelist", "pipe", "-i", "pipe:0", "-t", str(max_seconds + 1)]
    process = await asyncio.create_subprocess_exec(
        program, *limits, "-ac", "1", "-ar", str(TARGET_RATE_HZ), "-f", "s16le", "pipe:1",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    pcm, _ = await process.communicate(data)
    if process.returncode != 0 or not pcm:
        raise BadAudio("unsupported audio")
    if len(pcm) > max_seconds * TARGET_RATE_HZ * 2:
        raise BadAudio(f"longer than {max_seconds:.0f} seconds")
    return pcm


async def encode(chunks: AsyncIterator[bytes], kind: str, sample_rate_hz: int) -> AsyncIterator[bytes]:
    """A file of `kind` as it grows; the first bytes leave with the first sound."""
    if kind in ("pcm", "wav"):
        if kind == "wav":
            yield wav_header(sample_rate_hz)
        async for pcm in chunks:
            yield pcm
        return
    if kind not in _SNDFILE:
        async for made in _encode_with_ffmpeg(chunks, kind, sample_rate_hz):
            yield made
        return
    sink = _Drain()
    container, subtype = _SNDFILE[kind]
    rate_hz = sample_rate_hz if kind != "opus" else 24_000
    # Constant: an mp3 of varying bitrate has its length in its first frame, and by then that has been sent.
    options = {"bitrate_mode": "CONSTANT", "compression_level": 0.5} if kind == "mp3" else {}
    with soundfile.SoundFile(sink, "w", rate_hz, 1, subtype=subtype, format=container, **options) as file:
        async for pcm in chunks:
            file.write(np.frombuffer(pcm, dtype=np.int16))
            made = sink.take()
            if made:
                yield made
    made = sink.take()
    if made:
        yield made


async def _encode_with_ffmpeg(chunks: AsyncIterator[bytes], kind: str, sample_rate_hz: int) -> AsyncIterator[bytes]:
    program = shutil.which("ffmpeg")
    if program is None or kind not in _FFMPEG:
        raise BadAudio(f"cannot make {kind} here without ffmpeg; ask for mp3, opus, flac, wav or pcm")
    raw = ["-f", "s16le", "-ar", str(sample_rate_hz), "-ac", "1", "-i", "pipe:0"]
    process = await asyncio.create_subprocess_exec(
        program, "-v", "error", *raw, "-f", _FFMPEG[kind], "-flush_packets", "1", "pipe:1",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    feeding = asyncio.get_running_loop().create_task(_feed(chunks, process.stdin))
    try:
        while made := await process.stdout.read(_PIPE_BYTES):
            yield made
        await feeding
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _feed(chunks: AsyncIterator[bytes], sink: asyncio.StreamWriter) -> None:
    try:
        async for pcm in chunks:
            sink.write(pcm)
            await sink.drain()
    finally:
        sink.close()


def wav_header(sample_rate_hz: int) -> bytes:
    """Of a file whose length is not known yet."""
    form = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", _OPEN_END, b"WAVE", b"fmt ", 16, 1, 1, sample_rate_hz, sample_rate_hz * 2, 2, 16
    )
    return form + struct.pack("<4sI", b"data", _OPEN_END)


class _Drain(io.RawIOBase):
    """Where libsndfile writes. What was taken is gone: seeking back, to mend a header, has no effect on it."""

    def __init__(self) -> None:
        super().__init__()
        self._fresh = bytearray()
        self._taken = 0
        self._position = 0
        self._length = 0

    def take(self) -> bytes:
        made = bytes(self._fresh)
        self._taken += len(made)
        self._fresh.clear()
        return made

    def write(self, data: bytes) -> int:  # type: ignore[override]
        raw = bytes(data)
        start = self._position - self._taken
        if start >= 0:
            self._fresh[start : start + len(raw)] = raw
        elif start + len(raw) > 0:
            self._fresh[0 : start + len(raw)] = raw[-start:]
        self._position += len(raw)
        self._length = max(self._length, self._position)
        return len(raw)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True
