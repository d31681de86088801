"""The loudspeaker's memory: what every host keeps between the stream of speech and the ear.

Pure: no clock, no I/O. A host pushes tagged chunks, applies `playout_control`, takes sound at its own pace and sends
on the reports. What can be relied upon:

* A cut is final. After `cut(generation)` not one sample of that generation or an older one comes out, whatever arrives.
* A draft (speculated speech) does not sound before its generation was released.
* `played_ms` of a request counts what was taken, from its first sample; stepping back at a resume lowers it again.
* Volume never jumps, except at a cut: ducking, pausing and resuming are ramped.
* Memory is bounded: `PlayoutLimits.hold_s` of unheard sound (newest refused and counted) and `retain_s` of heard sound,
  kept so that a resume may step back to the beginning of a word.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pcm16 = npt.NDArray[np.int16]

_EMPTY: Pcm16 = np.zeros(0, dtype=np.int16)


@dataclass(frozen=True, slots=True)
class ChunkTag:
    """Where a chunk of speech belongs; the fields of a reply frame's metadata."""

    request_id: str
    generation: int
    turn_id: int = 0
    draft: bool = False

    @classmethod
    def from_metadata(cls, metadata: dict[str, Any]) -> ChunkTag:
        return cls(
            str(metadata.get("request_id", "")),
            int(metadata.get("generation", 0)),
            int(metadata.get("turn_id", 0)),
            bool(metadata.get("draft", False)),
        )


@dataclass(frozen=True, slots=True)
class PlayoutLimits:
    hold_s: float = 180.0
    retain_s: float = 5.0
    report_every_ms: float = 100.0


@dataclass(frozen=True, slots=True)
class Slice:
    """Sound of one request, ready to leave. `start_sample` is its position in the request."""

    pcm: Pcm16
    tag: ChunkTag
    start_sample: int


@dataclass(slots=True)
class PlayoutStats:
    stale_samples: int = 0  # arrived after their generation was cut, never played
    overflow_samples: int = 0  # refused because `hold_s` was reached
    dropped_samples: int = 0  # held when a cut came


class _Request:
    """One reply's sound: chunks, how far it was played, whether more will come."""

    __slots__ = ("_at", "_at_start", "base", "chunks", "ended", "held", "last_report", "position", "started", "tag")

    def __init__(self, tag: ChunkTag) -> None:
        self.tag = tag
        self.chunks: deque[Pcm16] = deque()
        self.base = 0  # position of the first kept sample
        self.held = 0  # samples kept in `chunks`
        self.position = 0  # next sample to play
        self.ended = False
        self.started = False
        self.last_report = 0
        self._at = 0  # the chunk that was read last, and the position of its first sample
        self._at_start = 0

    @property
    def unplayed(self) -> int:
        return self.base + self.held - self.position

    def append(self, pcm: Pcm16) -> None:
        self.chunks.append(pcm)
        self.held += len(pcm)

    def read(self, wanted: int) -> Pcm16:
        if self.position < self._at_start:  # stepped back
            self._at, self._at_start = 0, self.base
        parts: list[Pcm16] = []
        while wanted > 0 and self._at < len(self.chunks):
            chunk = self.chunks[self._at]
            skip = self.position + sum(map(len, parts)) - self._at_start
            part = chunk[skip : skip + wanted]
            if len(part):
                parts.append(part)
                wanted -= len(part)
            if wanted > 0:
                self._at += 1
                self._at_start += len(chunk)
        pcm: Pcm16 = parts[0] if len(parts) == 1 else (np.concatenate(parts) if parts else _EMPTY)
        self.position += len(pcm)
        return pcm

    def forget_before(self, position: int) -> None:
        while self.chunks and self.base + len(self.chunks[0]) <= position:
            gone = self.chunks.popleft()
            self.base += len(gone)
            self.held -= len(gone)
            if self._at > 0:
                self._at -= 1
            else:
                self._at_start = self.base


class _Gain:
    """A volume that moves to its target in a straight line."""

    __slots__ = ("_per_sample", "_target", "value")

    def __init__(self) -> None:
        self.value = 1.0
        self._target = 1.0
        self._per_sample = 0.0

    def ramp_to(self, target: float, samples: int) -> None:
        self._target = target
        self._per_sample = (target - self.value) / max(1, samples)

    def set(self, value: float) -> None:
        self.value = self._target = value

    @property
    def moving(self) -> bool:
        return self.value != self._target

    def apply(self, pcm: Pcm16) -> Pcm16:
        if not self.moving:
            return pcm if self.value == 1.0 else _scaled(pcm, self.value)
        steps = np.arange(1, len(pcm) + 1, dtype=np.float32) * self._per_sample + self.value
        low, high = min(self.value, self._target), max(self.value, self._target)
        curve = np.clip(steps, low, high)
        self.value = float(curve[-1])
        if abs(self.value - self._target) < abs(self._per_sample) / 2:
            self.value = self._target
        return _scaled(pcm, curve)


def _scaled(pcm: Pcm16, gain: float | npt.NDArray[np.float32]) -> Pcm16:
    scaled: Pcm16 = (pcm * gain).astype(np.int16)
    return scaled


class PlayoutBuffer:
    """See the module's text. All sound in one buffer has the same rate: resample before pushing."""

    duck_ramp_ms = 30.0
    pause_ramp_ms = 12.0
    resume_ramp_ms = 40.0

    def __init__(self, sample_rate_hz: int, limits: PlayoutLimits | None = None) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.limits = limits or PlayoutLimits()
        self.stats = PlayoutStats()
        self._requests: deque[_Request] = deque()
        self._reports: list[dict[str, Any]] = []
        self._gain = _Gain()
        self._paused = False
        self._pause_left = 0  # samples of the fade-out still to play
        self._dead_generation = -1
        self._released_generation = -1

    # --- filling -----------------------------------------------------------------------------------------------------

    def push(self, pcm: Pcm16 | bytes, tag: ChunkTag) -> bool:
        """Take a chunk; False when it was refused (its generation is dead, or the buffer is full)."""
        samples = np.frombuffer(pcm, dtype=np.int16) if not isinstance(pcm, np.ndarray) else pcm
        if tag.generation <= self._dead_generation:
            self.stats.stale_samples += len(samples)
            return False
        if self._unplayed_samples() + len(samples) > self.limits.hold_s * self.sample_rate_hz:
            self.stats.overflow_samples += len(samples)
            return False
        request = self._requests[-1] if self._requests else None
        if request is None or request.tag.request_id != tag.request_id or request.tag.generation != tag.generation:
            request = _Request(tag)
            self._requests.append(request)
            request.append(samples)
            self._retire_finished()
        else:
            request.append(samples)
        return True

    def end_request(self, request_id: str) -> None:
        """No more sound will come for this request (`tts_audio_end`)."""
        for request in self._requests:
            if request.tag.request_id == request_id:
                request.ended = True
        self._retire_finished()

    # --- control -----------------------------------------------------------------------------------------------------

    def control(self, action: str, generation: int, *, gain_db: float = -14.0, from_ms: float | None = None) -> None:
        """Apply one `playout_control` message. An unknown action is a programming error and raises KeyError."""
        actions: dict[str, Callable[[], None]] = {
            "duck": lambda: self._gain.ramp_to(10.0 ** (gain_db / 20.0), self._samples(self.duck_ramp_ms)),
            "unduck": lambda: self._gain.ramp_to(1.0, self._samples(self.duck_ramp_ms)),
            "pause": self._pause,
            "resume": lambda: self._resume(generation, from_ms),
            "cut": lambda: self.cut(generation),
            "release": lambda: self.release(generation),
        }
        actions[action]()

    def cut(self, generation: int) -> None:
        self._dead_generation = max(self._dead_generation, generation)
        for request in [r for r in self._requests if r.tag.generation <= generation]:
            self.stats.dropped_samples += request.unplayed
            self._requests.remove(request)
            self._report(request, "dropped")
        self._paused = False
        self._pause_left = 0
        self._gain.set(1.0)

    def release(self, generation: int) -> None:
        self._released_generation = max(self._released_generation, generation)
        self._retire_finished()

    def _pause(self) -> None:
        if self._paused:
            return
        self._paused = True
        request = self._audible()
        if request is None or not request.started:
            self._pause_left = 0
            if request is not None:
                self._report(request, "paused")
            return
        self._pause_left = self._samples(self.pause_ramp_ms)
        self._gain.ramp_to(0.0, self._pause_left)

    def _resume(self, generation: int, from_ms: float | None) -> None:
        if not self._paused:
            self._gain.ramp_to(1.0, self._samples(self.duck_ramp_ms))
            return
        self._paused = False
        self._pause_left = 0
        request = next((r for r in self._requests if r.tag.generation == generation), None)
        if request is not None and from_ms is not None:
            request.position = min(request.position, max(request.base, self._samples(from_ms)))
            request.last_report = min(request.last_report, request.position)
        if request is not None and request.started:
            self._gain.set(0.0)
            self._gain.ramp_to(1.0, self._samples(self.resume_ramp_ms))
        else:
            self._gain.set(1.0)
        self._retire_finished()

    # --- emptying ----------------------------------------------------------------------------------------------------

    def take(self, max_samples: int) -> Slice | None:
        """Up to `max_samples` of the request that is audible now, or None when there is nothing to play."""
        request = self._audible()
        if request is None:
            return None
        if self._paused:
            max_samples = min(max_samples, self._pause_left)
        if max_samples <= 0 or request.unplayed <= 0:
            return None
        start = request.position
        pcm = self._gain.apply(request.read(max_samples))
        if not request.started:
            request.started = True
            self._report(request, "started")
        if self._paused:
            self._pause_left -= len(pcm)
            if self._pause_left <= 0 or request.unplayed <= 0:
                self._pause_left = 0
                self._report(request, "paused")
        elif request.position - request.last_report >= self._samples(self.limits.report_every_ms):
            self._report(request, "playing")
        request.forget_before(request.position - int(self.limits.retain_s * self.sample_rate_hz))
        self._retire_finished()
        return Slice(pcm, request.tag, start)

    def pull(self, samples: int) -> Pcm16:
        """Exactly `samples` for a sound device: speech where there is some, silence elsewhere."""
        first = self.take(samples)
        if first is None:
            return np.zeros(samples, dtype=np.int16)
        if len(first.pcm) == samples:
            return first.pcm
        out = np.zeros(samples, dtype=np.int16)
        filled = len(first.pcm)
        out[:filled] = first.pcm
        while filled < samples and (more := self.take(samples - filled)) is not None:
            out[filled : filled + len(more.pcm)] = more.pcm
            filled += len(more.pcm)
        return out

    def take_reports(self, client_ts_ms: float = 0.0) -> list[dict[str, Any]]:
        """The `playout_report` payloads that became due, oldest first."""
        if not self._reports:
            return []
        reports, self._reports = self._reports, []
        for report in reports:
            report["client_ts_ms"] = client_ts_ms
        return reports

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing is held that could still be heard."""
        return not self._requests

    @property
    def silent_now(self) -> bool:
        """The next `take` would give nothing."""
        request = self._audible()
        return request is None or request.unplayed <= 0 or (self._paused and self._pause_left <= 0)

    @property
    def buffered_ms(self) -> float:
        return self._unplayed_samples() * 1000.0 / self.sample_rate_hz

    def _unplayed_samples(self) -> int:
        return sum(r.unplayed for r in self._requests)

    def _samples(self, duration_ms: float) -> int:
        return int(duration_ms * self.sample_rate_hz / 1000.0)

    def _audible(self) -> _Request | None:
        if not self._requests:
            return None
        head = self._requests[0]
        if head.tag.draft and head.tag.generation > self._released_generation:
            return None
        return head

    def _retire_finished(self) -> None:
        while self._requests and self._requests[0].unplayed <= 0:
            head = self._requests[0]
            if not head.ended and len(self._requests) == 1:
                return  # more may come; a later request, however, ends an earlier one whose end was lost
            if head.tag.draft and head.tag.generation > self._released_generation:
                return
            if self._paused and self._pause_left <= 0 and head.held > 0:
                return  # a resume may still step back into it
            self._requests.popleft()
            self._report(head, "finished")

    def _report(self, request: _Request, state: str) -> None:
        request.last_report = request.position
        self._reports.append(
            {
                "request_id": request.tag.request_id,
                "generation": request.tag.generation,
                "turn_id": request.tag.turn_id,
                "played_ms": int(request.position * 1000 // self.sample_rate_hz),
                "buffered_ms": int(request.unplayed * 1000 // self.sample_rate_hz),
                "state": state,
            }
        )
