"""Recorded human speech with transcripts: Debian's `asterisk-core-sounds-en-g722` (16 kHz, one talker, CC-BY-SA).

The recordings are never committed; they are found where Debian installs them and decoded once by ffmpeg into a cache
folder.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 16000
SOUNDS_DIR = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
TRANSCRIPTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
REMEDY = "apt-get install asterisk-core-sounds-en-g722 asterisk-core-sounds-en ffmpeg"

Pcm16 = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Prompt:
    name: str
    text: str
    path: Path

    @property
    def words(self) -> list[str]:
        return spoken_words(self.text)


def missing() -> str | None:
    """Why the recordings cannot be used here, or None when they can."""
    if not SOUNDS_DIR.is_dir() or not any(SOUNDS_DIR.glob("*.g722")):
        return f"no recordings in {SOUNDS_DIR}: {REMEDY}"
    if not TRANSCRIPTS.is_file():
        return f"no transcripts at {TRANSCRIPTS}: {REMEDY}"
    if shutil.which("ffmpeg") is None:
        return f"ffmpeg decodes the recordings and is missing: {REMEDY}"
    return None


def spoken_words(text: str) -> list[str]:
    """Lower-case words as a recogniser would write them."""
    return re.findall(r"[a-z']+|\d+", text.lower().replace("-", " "))


@cache
def prompts() -> tuple[Prompt, ...]:
    """Every recording that has a transcript of real words, in name order."""
    reason = missing()
    if reason is not None:
        raise FileNotFoundError(reason)
    found = []
    for line in gzip.decompress(TRANSCRIPTS.read_bytes()).decode("utf-8", "replace").splitlines():
        name, separator, text = line.partition(":")
        path = SOUNDS_DIR / f"{name.strip()}.g722"
        if separator and not line.startswith(";") and "[" not in text and text.strip() and path.is_file():
            found.append(Prompt(name.strip(), text.strip(), path))
    return tuple(sorted(found, key=lambda prompt: prompt.name))


def sample(count: int, *, min_words: int = 3, max_words: int = 40, seed: int = 7) -> list[Prompt]:
    """A reproducible choice of prompts, without digits: a recogniser writes "one" where the transcript has "1"."""
    fit = [
        p for p in prompts() if min_words <= len(p.words) <= max_words and not any(word.isdigit() for word in p.words)
    ]
    return random.Random(seed).sample(fit, min(count, len(fit)))


def pcm(prompt: Prompt | str) -> Pcm16:
    """The recording at 16 kHz."""
    chosen = prompt if isinstance(prompt, Prompt) else by_name(prompt)
    cached = _cache_dir() / f"{chosen.name.replace('/', '_')}.wav"
    if not cached.is_file():
        _decode(chosen.path, cached)
    with wave.open(str(cached), "rb") as stream:
        return np.frombuffer(stream.readframes(stream.getnframes()), np.int16).copy()


def wav_path(prompt: Prompt | str) -> Path:
    """The recording as a WAV file, for what reads files."""
    chosen = prompt if isinstance(prompt, Prompt) else by_name(prompt)
    pcm(chosen)
    return _cache_dir() / f"{chosen.name.replace('/', '_')}.wav"


def by_name(name: str) -> Prompt:
    return next(prompt for prompt in prompts() if prompt.name == name)


def trimmed(samples: Pcm16, *, floor_db: float = -38.0) -> Pcm16:
    """Cut at the onset and the end of speech (10 ms windows, relative to the loudest)."""
    start, end = speech_bounds(samples, floor_db=floor_db)
    return samples[start:end]


def speech_bounds(samples: Pcm16, *, floor_db: float = -38.0) -> tuple[int, int]:
    window = SAMPLE_RATE_HZ // 100
    count = len(samples) // window
    power = np.sqrt((samples[: count * window].reshape(count, window).astype(np.float64) ** 2).mean(1)) + 1e-9
    loud = np.nonzero(20 * np.log10(power / power.max()) > floor_db)[0]
    return int(loud[0]) * window, int(loud[-1] + 1) * window


def word_errors(reference: list[str], hypothesis: list[str]) -> int:
    """Edit distance in words."""
    previous = list(range(len(hypothesis) + 1))
    for row, wanted in enumerate(reference, 1):
        current = [row]
        for column, heard in enumerate(hypothesis, 1):
            substitution = previous[column - 1] + (wanted != heard)
            current.append(min(substitution, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1]


def _cache_dir() -> Path:
    folder = Path(tempfile.gettempdir()) / f"stream-talk-speech-{os.getuid() if hasattr(os, 'getuid') else 0}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _decode(source: Path, target: Path) -> None:
    partial = target.with_suffix(f".{os.getpid()}.part")
    command = ["ffmpeg", "-v", "error", "-y", "-f", "g722", "-i", str(source), "-ar", "16000", "-ac", "1", "-f", "wav"]
    subprocess.run([*command, str(partial)], check=True, timeout=60, stdin=subprocess.DEVNULL)
    partial.replace(target)
