"""A person for tests: says, coughs and presses buttons at moments that depend on what they hear.

Pure: it is asked for the microphone's samples and told what the loudspeaker plays. The same script behaves the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from stream_talk.engines.interfaces import Pcm16

After = Literal["before", "reply_begins", "reply_ends"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing the person does: `delay_ms` after the previous act ended (`before`), or after a reply began or ended."""

    pcm: Pcm16 | None = None
    event: dict[str, Any] | None = None
    after: After = "before"
    delay_ms: float = 500.0


@dataclass(slots=True)
class SyntheticUser:
    acts: Sequence[Act]
    sample_rate_hz: int = 16000
    silence_ends_reply_ms: float = 700.0
    patience_ms: float = 20_000.0  # an act that waits in vain for a reply is done after this long
    events: list[dict[str, Any]] = field(default_factory=list)  # taken by the host
    starts_ms: list[float] = field(default_factory=list)
    ends_ms: list[float] = field(default_factory=list)
    _next: int = 0
    _playing: Pcm16 | None = None
    _position: int = 0
    _act_ended_ms: float = 0.0
    _reply_began_ms: float | None = None
    _last_sound_ms: float | None = None

    def loudspeaker(self, pcm: Pcm16, now_ms: float) -> None:
        """What the person hears."""
        if pcm.any():
            if self._reply_began_ms is None:
                self._reply_began_ms = now_ms
            self._last_sound_ms = now_ms

    def microphone(self, samples: int, now_ms: float) -> Pcm16:
        """What the person lets be heard."""
        while self._playing is None and self._next < len(self.acts) and self._due(self.acts[self._next], now_ms):
            self._begin(self.acts[self._next], now_ms)
        if self._playing is None:
            return np.zeros(samples, dtype=np.int16)
        pcm = self._playing[self._position : self._position + samples]
        self._position += samples
        if self._position >= len(self._playing):
            self._playing, self._act_ended_ms = None, now_ms + len(pcm) * 1000.0 / self.sample_rate_hz
            self.ends_ms.append(self._act_ended_ms)
            self._reply_began_ms = self._last_sound_ms = None  # what was heard until now answers nothing of this
        return np.concatenate([pcm, np.zeros(samples - len(pcm), dtype=np.int16)])

    def done(self, now_ms: float) -> bool:
        """Everything was done, and the last reply has been listened to."""
        if self._next < len(self.acts) or self._playing is not None:
            return False
        return self._reply_ended(now_ms) or now_ms - self._act_ended_ms >= self.patience_ms

    def _begin(self, act: Act, now_ms: float) -> None:
        self._next += 1
        self._reply_began_ms = self._last_sound_ms = None
        self._act_ended_ms = now_ms
        if act.event is not None:
            self.events.append(act.event)
        if act.pcm is not None:
            self._playing, self._position = act.pcm, 0
            self.starts_ms.append(now_ms)

    def _due(self, act: Act, now_ms: float) -> bool:
        if act.after == "before":
            return now_ms >= self._act_ended_ms + act.delay_ms
        if now_ms - self._act_ended_ms >= self.patience_ms:
            return True
        if act.after == "reply_begins":
            return self._reply_began_ms is not None and now_ms >= self._reply_began_ms + act.delay_ms
        return self._reply_ended(now_ms) and now_ms >= (self._last_sound_ms or 0.0) + act.delay_ms

    def _reply_ended(self, now_ms: float) -> bool:
        return self._last_sound_ms is not None and now_ms - self._last_sound_ms >= self.silence_ends_reply_ms
