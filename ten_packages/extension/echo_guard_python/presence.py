"""Does the microphone hear our own voice at all? With a headset, or where the browser cancels the echo, it does not.

That matters because a canceller without an echo does harm: what a person says over our voice is taken for it. So the guard watches,
and stands aside where there is nothing to guard against.

* It begins watchful: an echo is taken for granted.
* While our voice sounds, the microphone is searched for it (`search.py`). That finds an echo far below the noise of the room, which a
  voice detector would still hear, and is not misled by a person who talks over us.
* Nothing found, and a microphone that stays at its own noise or 45 dB below our voice for `QUIET_FRAMES`, not broken by a longer
  sound: the echo is absent.
* Found, whenever that is: the guard goes back to its post (somebody unplugged the headset), and asks for four times as much
  evidence before it leaves it again.

Pure: no clock, no I/O. One step per 10 ms.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from stream_talk.engines.interfaces import Pcm16

from .search import EchoSearch

QUIET_FRAMES = 250
QUIET_FRAMES_AFTER_ECHO = 1000
_SOUNDS_RMS = 180.0  # -45 dBFS: below that our voice is between two words
_ECHO_LASTS_FRAMES = 40
_BELOW_OUR_VOICE = 10 ** (-45 / 20)
_ABOVE_NOISE = 1.26
_FAINT_RMS = 12.0
_BROKEN_AFTER_FRAMES = 12
_NOISE_FRAMES = 50
_HINT = 3.8
_CERTAIN = 6.0
_BLOCKS = 3  # one alone means nothing, above all in the beginning


class EchoPresence:
    def __init__(self) -> None:
        self.is_absent = False
        self._quiet = 0
        self._needed = QUIET_FRAMES
        self._loud = 0
        self._noise = float("inf")  # of the microphone while we are silent: the lowest mean of half a second
        self._silence: deque[float] = deque(maxlen=_NOISE_FRAMES)
        self._ours: deque[float] = deque(maxlen=_ECHO_LASTS_FRAMES)
        self._search = EchoSearch()
        self._times_found = 0

    def step(self, microphone: Pcm16, voice: Pcm16) -> bool:
        """10 ms of both; True while no echo is to be expected."""
        theirs = _rms(microphone)
        self._ours.append(_rms(voice))
        self._search.hear_ourselves(voice)
        loudest = max(self._ours)
        if loudest < _SOUNDS_RMS:
            self._listen_to_silence(theirs)
        elif self._is_found(self._search.look(microphone)):
            self._quiet, self._needed, self.is_absent = 0, QUIET_FRAMES_AFTER_ECHO, False
        elif theirs <= max(_FAINT_RMS, _ABOVE_NOISE * self._known_noise, _BELOW_OUR_VOICE * loudest):
            self._quiet, self._loud = self._quiet + 1, 0
            self.is_absent = self.is_absent or self._quiet >= self._needed
        else:
            self._loud += 1
            self._quiet = 0 if self._loud > _BROKEN_AFTER_FRAMES else self._quiet
        return self.is_absent

    def _is_found(self, prominence: float | None) -> bool:
        """A hint keeps the guard at its post; to call it back takes more, for a person may be talking over us."""
        if prominence is None:
            return False
        self._times_found = self._times_found + 1 if prominence > (_CERTAIN if self.is_absent else _HINT) else 0
        return self._times_found >= _BLOCKS

    @property
    def _known_noise(self) -> float:
        return self._noise if self._noise < float("inf") else 0.0

    def _listen_to_silence(self, theirs: float) -> None:
        self._silence.append(theirs)
        if len(self._silence) == _NOISE_FRAMES:
            self._noise = min(self._noise * 1.0005, sum(self._silence) / _NOISE_FRAMES)  # rooms get louder, slowly


def _rms(pcm: Pcm16) -> float:
    samples = pcm.astype(np.float32)
    return float(np.sqrt(samples @ samples / max(1, len(samples))))
