"""When what is said: one conversation out of recordings and typed texts. Pure; it is told the time and what happens.

An item starts when the assistant has been silent for `gap_ms`, or, written `file@1500`, 1,500 ms after the first sound of the
reply to the one before it: that is how an interruption is played.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from stream_talk.audio.wav import read_wav
from stream_talk.engines.interfaces import Pcm16

TEXT_PREFIX = "text:"


@dataclass(frozen=True, slots=True)
class Item:
    name: str
    pcm: Pcm16
    into_reply_ms: float | None = None
    text: str = ""


def load_item(entry: str, sample_rate_hz: int, stdin: bytes = b"") -> Item:
    """One entry of `inputs`. PCM files and standard input hold mono s16le at the session's rate."""
    if entry.startswith(TEXT_PREFIX):
        return Item(entry, np.zeros(0, dtype=np.int16), text=entry[len(TEXT_PREFIX) :])
    path, at, offset = entry.rpartition("@")
    if not at or not offset.isdigit():
        path, offset = entry, ""
    if path == "-":
        pcm = np.frombuffer(stdin[: len(stdin) // 2 * 2], dtype="<i2").astype(np.int16)
    elif Path(path).suffix.lower() in (".pcm", ".raw"):
        raw = Path(path).read_bytes()
        pcm = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<i2").astype(np.int16)
    else:
        pcm, _ = read_wav(path, sample_rate_hz)
    return Item(Path(path).name, pcm, float(offset) if offset else None)


class Script:
    """Gives the microphone's samples, frame by frame."""

    def __init__(
        self, items: list[Item], *, lead_ms: float, gap_ms: float, reply_timeout_ms: float, button: str = "none"
    ) -> None:
        self._items = items
        self._lead_ms = lead_ms
        self._gap_ms = gap_ms
        self._reply_timeout_ms = reply_timeout_ms
        self._next = 0
        self._playing: Item | None = None
        self._position = 0
        self._quiet_since_ms = 0.0  # both sides
        self._ended_ms = 0.0
        self._owed = False  # the last recording has not been dealt with yet
        self._reply_began_ms: float | None = None
        self._busy = False
        self._button = button
        self.events: list[dict[str, Any]] = []  # what the person does besides speaking; taken by the host

    # --- what happens ------------------------------------------------------------------------------------------------

    def state(self, state: str, now_ms: float) -> None:
        """The conversation's `state` message."""
        self._busy = state in ("hearing", "thinking", "speaking", "paused")
        if state == "speaking" and self._reply_began_ms is None:
            self._reply_began_ms = now_ms
        if state == "listening" and self._playing is None:
            self._owed = False
            self._quiet_since_ms = now_ms

    def loudspeaker(self, now_ms: float) -> None:
        """Something was audible."""
        self._quiet_since_ms = now_ms

    # --- the microphone ----------------------------------------------------------------------------------------------

    def frame(self, now_ms: float, samples: int) -> Pcm16:
        if self._playing is None:
            self._maybe_start(now_ms)
        item = self._playing
        if item is None:
            return np.zeros(samples, dtype=np.int16)
        pcm = item.pcm[self._position : self._position + samples]
        self._position += samples
        if self._position >= len(item.pcm):
            self._playing, self._ended_ms, self._quiet_since_ms = None, now_ms, now_ms
            if item.text:
                self.events.append({"type": "text", "text": item.text})
            elif self._button == "push_to_talk":
                self.events.append({"type": "push_to_talk", "down": False})
            elif self._button == "commit":
                self.events.append({"type": "commit"})
        return pcm if len(pcm) == samples else np.concatenate([pcm, np.zeros(samples - len(pcm), dtype=np.int16)])

    @property
    def playing(self) -> str:
        return self._playing.name if self._playing is not None else ""

    def over(self, now_ms: float) -> bool:
        """All is played and answered, or an answer is not going to come."""
        if self._next < len(self._items) or self._playing is not None:
            return False
        return self._may_go_on(now_ms)

    def _may_go_on(self, now_ms: float) -> bool:
        if self._owed and now_ms - self._ended_ms < self._reply_timeout_ms:
            return False
        given_up = self._owed and now_ms - self._quiet_since_ms >= self._reply_timeout_ms
        return (not self._busy or given_up) and now_ms - self._quiet_since_ms >= self._gap_ms

    def _maybe_start(self, now_ms: float) -> None:
        if self._next >= len(self._items) or now_ms < self._lead_ms:
            return
        item = self._items[self._next]
        if item.into_reply_ms is not None and self._next > 0:
            began = self._reply_began_ms
            ready = (began is not None and now_ms >= began + item.into_reply_ms) or self._may_go_on(now_ms)
        else:
            ready = self._may_go_on(now_ms)
        if ready:
            self._next += 1
            self._playing, self._position = item, 0
            self._owed, self._reply_began_ms = True, None
            if self._button == "push_to_talk" and not item.text:
                self.events.append({"type": "push_to_talk", "down": True})
