"""A session's replies on their way to the client: held, resampled, released on time, cut at once.

Wraps the kit's `PlayoutBuffer`. For a client that plays by itself (ducks, pauses, reports) it only holds, cuts and paces; for any
other it also ducks and pauses on the client's behalf and reports what must have been heard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from stream_talk.audio.playout import ChunkTag, PlayoutBuffer, PlayoutLimits
from stream_talk.audio.resample import StreamResampler

from .client_port import PortTraits, ReplyFrame

Report = dict[str, Any]
_BUFFER_ACTIONS = ("duck", "unduck", "pause", "resume")


class ReplyOutput:
    """Time comes in as an argument. `on_ended(request_id, generation, turn_id, total_ms, reason)` closes each reply exactly once."""

    def __init__(self, traits: PortTraits, on_ended: Callable[[str, int, int, float, str], None]) -> None:
        self.traits = traits
        # A client that plays by itself also keeps what it played, should it have to step back.
        limits = PlayoutLimits(retain_s=0.0) if traits.reports_playout else PlayoutLimits()
        self.buffer = PlayoutBuffer(traits.output_rate_hz, limits)
        self.is_paced = True
        """False where nobody listens: a reply has then been played as soon as it is there."""
        self.audio_out_samples = 0
        self.newest_generation = -1
        self._on_ended = on_ended
        self._resampler: StreamResampler | None = None
        self._incoming: ChunkTag | None = None
        self._started: dict[str, ChunkTag] = {}
        self._ahead_until_ms = 0.0
        self._room_ms = max(0, traits.lead_ms - traits.frame_ms)  # with so much ahead, one more frame may go
        self._frozen_at_ms: float | None = None
        self._paused = False
        self._suspended = False
        self._reports: list[tuple[float, Report]] = []

    # --- filling ---

    def push(self, pcm: bytes, sample_rate_hz: int, tag: ChunkTag) -> bool:
        if (
            self._incoming is None
            or self._incoming.request_id != tag.request_id
            or self._incoming.generation != tag.generation
        ):
            self._flush_resampler()
            self._incoming = tag
        self.newest_generation = max(self.newest_generation, tag.generation)
        samples = np.frombuffer(pcm[: len(pcm) & ~1], dtype=np.int16)
        if sample_rate_hz != self.traits.output_rate_hz:
            if self._resampler is None:
                self._resampler = StreamResampler(sample_rate_hz, self.traits.output_rate_hz)
            samples = self._resampler.process(samples)
        return self.buffer.push(samples, tag) if len(samples) else True

    def end_request(self, request_id: str) -> None:
        if self._incoming is not None and self._incoming.request_id == request_id:
            self._flush_resampler()
            self._incoming = None
        self.buffer.end_request(request_id)

    def _flush_resampler(self) -> None:
        """The last samples of a reply are still inside the resampler when its end is announced."""
        if self._resampler is not None and self._incoming is not None:
            tail = self._resampler.flush()
            if len(tail):
                self.buffer.push(tail, self._incoming)
        self._resampler = None

    # --- control ---

    def control(self, action: str, generation: int, control: Mapping[str, Any], now_ms: float) -> None:
        """Apply `playout_control`. Unknown actions are ignored: a newer graph may know more of them."""
        if action == "cut":
            self.cut(generation, now_ms)
        elif action == "release":
            self.buffer.release(generation)
        elif action in _BUFFER_ACTIONS:
            if not self.traits.reports_playout:
                gain_db, from_ms = control.get("gain_db"), control.get("from_ms")
                kwargs = {} if gain_db is None else {"gain_db": float(gain_db)}
                self.buffer.control(action, generation, from_ms=from_ms, **kwargs)
            elif action == "pause":
                self._paused = True
                self._freeze(now_ms)
            elif action == "resume":
                self._paused = False
                self._thaw(now_ms)

    def cut(self, generation: int, now_ms: float) -> None:
        self.buffer.cut(generation)
        if self._incoming is not None and self._incoming.generation <= generation:
            self._resampler = None
            self._incoming = None
        unheard_ms = max(0.0, self._ahead_until_ms - now_ms) if self.traits.can_flush else 0.0
        self._collect_reports(now_ms, unheard_ms)
        if self.traits.can_flush:
            self._ahead_until_ms = now_ms
        self._paused = False
        if not self._suspended:
            self._frozen_at_ms = None

    def suspend(self, now_ms: float) -> None:
        """Nobody listens: time stands still for the reply."""
        self._suspended = True
        self._freeze(now_ms)

    def resume(self, now_ms: float) -> None:
        self._suspended = False
        self._thaw(now_ms)

    def _freeze(self, now_ms: float) -> None:
        if self._frozen_at_ms is None:
            self._frozen_at_ms = now_ms

    def _thaw(self, now_ms: float) -> None:
        if self._frozen_at_ms is not None and not self._paused and not self._suspended:
            self._ahead_until_ms += now_ms - self._frozen_at_ms
            self._frozen_at_ms = None

    # --- emptying ---

    def due(self, now_ms: float) -> list[ReplyFrame]:
        """The frames to send now."""
        frames: list[ReplyFrame] = []
        frame_samples = self.traits.output_rate_hz * self.traits.frame_ms // 1000
        while self._frozen_at_ms is None and self._ahead_until_ms <= now_ms + self._room_ms:
            part = self.buffer.take(frame_samples)
            if part is None:
                break
            is_first = part.tag.request_id not in self._started
            self._started[part.tag.request_id] = part.tag
            duration_ms = len(part.pcm) * 1000.0 / self.traits.output_rate_hz if self.is_paced else 0.0
            self._ahead_until_ms = max(self._ahead_until_ms, now_ms) + duration_ms
            self.audio_out_samples += len(part.pcm)
            tag = part.tag
            frames.append(
                ReplyFrame(tag.generation, tag.turn_id, tag.request_id, part.start_sample, part.pcm.tobytes(), is_first)
            )
        return frames

    def settle(self, now_ms: float) -> None:
        """Close replies whose sound has all been sent. Call after the frames of `due` were sent."""
        self._collect_reports(now_ms, 0.0)

    def next_due_ms(self) -> float | None:
        """When `due` will have more; None when only new sound or a control can change that."""
        if self._frozen_at_ms is not None or self.buffer.silent_now:
            return None
        return self._ahead_until_ms - self._room_ms

    def _collect_reports(self, now_ms: float, unheard_ms: float) -> None:
        for report in self.buffer.take_reports():
            state = report["state"]
            at_ms = max(now_ms, self._ahead_until_ms)
            if state == "dropped":
                at_ms = now_ms
                self._reports = [r for r in self._reports if r[1]["generation"] > report["generation"]]
                report = {**report, "played_ms": max(0, int(report["played_ms"] - unheard_ms))}
            if state in ("finished", "dropped") and self._started.pop(report["request_id"], None) is not None:
                reason = "finished" if state == "finished" else "interrupted"
                self._on_ended(
                    report["request_id"], report["generation"], report["turn_id"], float(report["played_ms"]), reason
                )
            if not self.traits.reports_playout:
                self._reports.append((at_ms, report))

    def take_reports(self, now_ms: float) -> list[Report]:
        """What must have been heard by now, of a client that does not say so itself."""
        due = [{**r, "client_ts_ms": now_ms} for at_ms, r in self._reports if at_ms <= now_ms]
        if due:
            self._reports = [r for r in self._reports if r[0] > now_ms]
        return due

    def next_report_ms(self) -> float | None:
        return self._reports[0][0] if self._reports else None

    @property
    def is_idle(self) -> bool:
        return self.buffer.idle

    @property
    def held_ms(self) -> float:
        return self.buffer.buffered_ms
