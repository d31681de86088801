"""Frames of a fixed length out of chunks of any length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stream_talk.engines.interfaces import Pcm16


class Framer:
    def __init__(self, frame_samples: int) -> None:
        if frame_samples <= 0:
            raise ValueError(f"a frame of {frame_samples} samples is no frame")
        self._frame_samples = frame_samples
        self._rest: Pcm16 = np.zeros(0, dtype=np.int16)

    @property
    def pending(self) -> int:
        """Samples that wait for the rest of their frame."""
        return len(self._rest)

    def push(self, pcm: Pcm16) -> Iterator[Pcm16]:
        """Whole frames, views where possible. Consume the iterator: what it did not hand out is kept only then."""
        pcm = np.concatenate([self._rest, pcm]) if len(self._rest) else pcm
        whole = len(pcm) // self._frame_samples * self._frame_samples
        self._rest = pcm[whole:].copy()
        return (pcm[i : i + self._frame_samples] for i in range(0, whole, self._frame_samples))

    def flush(self, *, pad: bool) -> Pcm16:
        """The last, incomplete frame: filled up with silence, or as short as it is. Empty when nothing is pending."""
        rest, self._rest = self._rest, self._rest[:0]
        if pad and len(rest):
            return np.concatenate([rest, np.zeros(self._frame_samples - len(rest), dtype=np.int16)])
        return rest


def split_frames(pcm: Pcm16, frame_samples: int) -> Iterator[Pcm16]:
    """A finished recording as frames; the last one may be shorter."""
    return (pcm[i : i + frame_samples] for i in range(0, len(pcm), frame_samples))
