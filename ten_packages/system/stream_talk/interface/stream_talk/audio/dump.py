"""PCM dumps for debugging and for TEN's acceptance tests: raw s16le files, byte for byte what passed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def safe_name(text: str) -> str:
    """`text` as part of a file name: request ids come from outside."""
    return _UNSAFE.sub("_", text).strip(".")[:100] or "unnamed"


class PcmDump:
    """Opens its file with the first bytes, so that nothing spoken leaves no file. Stops at `limit_bytes`."""

    def __init__(self, folder: str | Path, name: str, limit_bytes: int = 512 * 1024 * 1024) -> None:
        self.path = Path(folder) / f"{name}.pcm"
        self._left = limit_bytes
        self._file: BinaryIO | None = None

    def write(self, pcm: bytes | bytearray | memoryview) -> None:
        if not len(pcm) or self._left <= 0:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        piece = pcm[: self._left]
        self._file.write(piece)
        self._left -= len(piece)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
