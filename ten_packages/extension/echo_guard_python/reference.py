"""What our loudspeaker is playing right now, on the microphone's clock.

Speech is synthesised ahead of the ear, paused, resumed and cut, so what was *sent* says little about what *sounds*. The host's
playout reports do: "of request R, played_ms so far, playing". Between reports the position runs with the microphone's own
samples, which is the clock that the echo arrives on. Without any report (a host that sends none) sound is taken to play from
its arrival on.

Pure: no clock, no I/O. Positions are samples at 16 kHz.
"""

from __future__ import annotations

from collections import OrderedDict, deque

import numpy as np
from stream_talk.engines.interfaces import Pcm16

SAMPLE_RATE_HZ = 16000
_PER_MS = SAMPLE_RATE_HZ // 1000
_KEPT_BEHIND = 3 * SAMPLE_RATE_HZ  # `resume` may step back to a word
_KEPT_REQUESTS = 4
_TOLERATED = 60 * _PER_MS  # the canceller estimates the delay itself; a jump would make it start anew
_UNREPORTED_WAIT = 200 * _PER_MS


class _Sound:
    """The audio of one request, as far as it may still be needed."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.first = 0  # position of the first kept sample
        self.end = 0
        self._chunks: deque[Pcm16] = deque()

    def append(self, pcm: Pcm16) -> None:
        self._chunks.append(pcm)
        self.end += len(pcm)

    def forget_before(self, position: int) -> None:
        while self._chunks and self.first + len(self._chunks[0]) <= position:
            self.first += len(self._chunks.popleft())

    def copy_to(self, target: Pcm16, position: int) -> None:
        """Fill `target` from `position` on; what is not there stays silent."""
        at = self.first
        for chunk in self._chunks:
            start, end = max(position, at), min(position + len(target), at + len(chunk))
            if start < end:
                target[start - position : end - position] = chunk[start - at : end - at]
            at += len(chunk)
            if at >= position + len(target):
                return


class PlaybackReference:
    """One per session."""

    def __init__(self, lead_ms: int = 20) -> None:
        self._lead = lead_ms * _PER_MS
        self._sounds: OrderedDict[str, _Sound] = OrderedDict()
        self._playing: str | None = None
        self._position = 0
        self._reports_seen = False
        self._dead_generation = -1
        self._unreported = 0
        self._jumped = False

    @property
    def playing(self) -> bool:
        return self._playing is not None

    def take_jump(self) -> bool:
        """Whether another sound, or another place in it, began to play since the last call."""
        jumped, self._jumped = self._jumped, False
        return jumped

    def push(self, request_id: str, generation: int, pcm: Pcm16) -> None:
        """Sound that was sent to the host, in order."""
        if generation <= self._dead_generation and generation >= 0:
            return
        sound = self._sounds.get(request_id)
        if sound is None:
            sound = self._sounds[request_id] = _Sound(generation)
            self._unreported = 0
            while len(self._sounds) > _KEPT_REQUESTS:
                oldest, _ = self._sounds.popitem(last=False)
                if oldest == self._playing:
                    self._playing = None
        sound.append(pcm)

    def report(self, request_id: str, generation: int, played_ms: float, state: str) -> None:
        self._reports_seen = True
        if state == "dropped":
            self._drop(generation)
        elif state in ("started", "playing"):
            target = int(played_ms * _PER_MS) + self._lead
            moved = abs(target - self._position) > _TOLERATED
            if self._playing != request_id or moved:
                self._position = target
                self._jumped = True
            self._playing = request_id
        elif request_id == self._playing:  # paused, finished
            self._playing = None

    def pull(self, samples: int) -> Pcm16:
        """What sounds during the next `samples` of the microphone."""
        out = np.zeros(samples, np.int16)
        if not self._reports_seen:
            self._assume(samples)
        sound = self._sounds.get(self._playing) if self._playing is not None else None
        if sound is None:
            return out
        sound.copy_to(out, self._position)
        self._position += samples
        sound.forget_before(self._position - _KEPT_BEHIND)
        return out

    def _assume(self, samples: int) -> None:
        """No report so far: the newest request plays from its arrival on, a little later."""
        newest = next(reversed(self._sounds), None)
        if newest is None or newest == self._playing:
            return
        self._unreported += samples
        if self._unreported >= _UNREPORTED_WAIT:
            self._playing = newest
            self._position = self._unreported + self._lead
            self._jumped = True

    def _drop(self, generation: int) -> None:
        self._dead_generation = max(self._dead_generation, generation)
        for request_id in [name for name, sound in self._sounds.items() if sound.generation <= generation]:
            del self._sounds[request_id]
            if request_id == self._playing:
                self._playing = None
