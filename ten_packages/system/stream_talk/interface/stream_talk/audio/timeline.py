"""Where in the conversation a sample of a segment was spoken.

A segment's samples are consecutive, the conversation's time is not: a gate leaves silence out, a client drops frames. The timeline
keeps one anchor per discontinuity.
"""

from __future__ import annotations

_TOLERANCE_MS = 25.0  # frame timestamps are whole milliseconds, of senders with their own rounding


class MediaTimeline:
    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._anchors: list[tuple[float, float]] = []  # (offset in the segment, media time), both ms
        self._samples = 0

    @property
    def duration_ms(self) -> float:
        return self._samples * 1000.0 / self._sample_rate_hz

    @property
    def start_ms(self) -> float:
        return self._anchors[0][1] if self._anchors else 0.0

    def add(self, samples: int, media_ms: float) -> None:
        """`samples` follow in the segment, the first of them spoken at `media_ms`."""
        offset_ms = self.duration_ms
        if not self._anchors or abs(self.media_ms(offset_ms) - media_ms) > _TOLERANCE_MS:
            self._anchors.append((offset_ms, media_ms))
        self._samples += samples

    def media_ms(self, offset_ms: float) -> float:
        """Media time of a place in the segment."""
        best = self._anchors[0] if self._anchors else (0.0, 0.0)
        for anchor in self._anchors:
            if anchor[0] > offset_ms:
                break
            best = anchor
        return best[1] + (offset_ms - best[0])
