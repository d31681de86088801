"""The waterfall of a turn: from the person's last speech sample to the first sample they hear."""

from __future__ import annotations

from typing import Any


class TurnTrace:
    """Spans in milliseconds from `origin_ms`, which also has a wall clock (`epoch_ms`) and a place in the media (`media_ms`)."""

    def __init__(self, origin_ms: float, epoch_ms: int, media_ms: float | None = None) -> None:
        self.origin_ms = origin_ms
        self.epoch_ms = epoch_ms
        self.media_ms = media_ms
        self.ttfa_ms: float | None = None
        self.endpoint_ms: float | None = None
        self.speculation = "none"
        self._spans: dict[str, tuple[str, float, float]] = {}

    def span(self, name: str, node: str, start_ms: float, end_ms: float) -> None:
        """The first span of a name stands: a turn's waterfall shows what led to the first sound."""
        self._spans.setdefault(name, (node, start_ms, end_ms))

    def adopt(self, turn: TurnTrace) -> None:
        """What was measured as a draft belongs to this turn."""
        self.origin_ms, self.epoch_ms, self.media_ms = turn.origin_ms, turn.epoch_ms, turn.media_ms
        self.endpoint_ms = turn.endpoint_ms
        self.speculation = "hit"
        self._spans.update(turn._spans)

    def audible(self, now_ms: float) -> None:
        if self.ttfa_ms is None:
            self.ttfa_ms = round(now_ms - self.origin_ms, 2)

    def as_dict(self) -> dict[str, Any]:
        spans = [
            {
                "name": name,
                "node": node,
                "start_ms": round(start - self.origin_ms, 2),
                "end_ms": round(end - self.origin_ms, 2),
            }
            for name, (node, start, end) in self._spans.items()
        ]
        return {
            "spans": sorted(spans, key=lambda s: (s["start_ms"], s["end_ms"])),
            "epoch_ms": self.epoch_ms,
            "media_ms": self.media_ms,
            "ttfa_ms": self.ttfa_ms,
            "endpoint_ms": None if self.endpoint_ms is None else round(self.endpoint_ms, 2),
            "speculation": self.speculation,
        }
