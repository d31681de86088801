"""A person at the line: speaks recordings in real time, listens, interrupts. Notes when what happened."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.conversation.client import FRAME_MS, SAMPLE_RATE_HZ, Session

_FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000
_NEW_REPLY_S = 0.25  # a longer silence of the assistant separates two replies
Pcm16 = np.typing.NDArray[np.int16]


@dataclass
class Turn:
    onset_s: float = 0.0  # the frame with the first speech sample was handed over
    end_s: float = 0.0  # the frame with the last speech sample was handed over
    first_sound_s: float | None = None  # first 20 ms of the reply
    last_sound_before_s: float | None = None  # last 20 ms of the reply that this turn interrupted


@dataclass
class Line:
    """What is heard: the time of every 20 ms that left for the listener."""

    times_s: list[float] = field(default_factory=list)
    _awaited: int = 0
    _reached: asyncio.Event = field(default_factory=asyncio.Event)

    def on_sound(self, pcm: bytes) -> None:
        self.times_s.append(time.perf_counter())
        self._awaited -= 1
        if self._awaited == 0:
            self._reached.set()

    async def sounds(self, frames: int, timeout_s: float = 5.0) -> None:
        """Wait until this many more frames have sounded."""
        self._awaited = frames
        self._reached.clear()
        await asyncio.wait_for(self._reached.wait(), timeout_s)

    def first_after(self, moment_s: float) -> float | None:
        """Start of the first reply that began after `moment_s`."""
        for i, at_s in enumerate(self.times_s):
            if at_s > moment_s and (i == 0 or at_s - self.times_s[i - 1] > _NEW_REPLY_S):
                return at_s
        return None

    def last_of_burst(self, moment_s: float) -> float | None:
        """The last sound of the reply that was playing at `moment_s`."""
        last: float | None = None
        for at_s in self.times_s:
            if at_s > moment_s and last is not None and at_s - last > _NEW_REPLY_S:
                break
            last = at_s
        return last if last is not None and last > moment_s - 2 * FRAME_MS / 1000 else None

    def lateness_ms(self, from_s: float = 0.0) -> list[float]:
        """Of every frame against a listener's clock that started with its reply."""
        late: list[float] = []
        start_s, count, previous_s = 0.0, 0, -1e9
        for at_s in self.times_s:
            if at_s - previous_s > _NEW_REPLY_S:
                start_s, count = at_s, 0
            elif at_s >= from_s:
                late.append((at_s - start_s - count * FRAME_MS / 1000) * 1000)
            count += 1
            previous_s = at_s
        return late


class Person:
    def __init__(self, session: Session, line: Line, clips: list[Pcm16], seed: int = 1) -> None:
        self._session = session
        self._line = line
        self.clips = clips
        self._random = random.Random(seed)
        self._noise = np.random.default_rng(seed).normal(0, 3, SAMPLE_RATE_HZ * 4).round().astype(np.int16)
        self._frames = 0
        self._due_s = 0.0
        self.turns: list[Turn] = []

    @property
    def audio_s(self) -> float:
        return self._frames * FRAME_MS / 1000

    async def converse(
        self, turns: int, *, interrupt_after_s: float | None = None, until_s: float = float("inf")
    ) -> None:
        """`turns` questions, each after the reply to the one before, or into it."""
        self._due_s = time.perf_counter()
        await self._listen(0.5 + self._random.random() * 0.2)
        for number in range(turns):
            if time.perf_counter() > until_s:
                return
            turn = Turn()
            self.turns.append(turn)
            await self._speak(self.clips[number % len(self.clips)], turn)
            if interrupt_after_s is None:
                await self._hear_out(turn)
            else:
                await self._hear_for(turn, interrupt_after_s)
        await self._listen(1.0)

    async def listen(self, seconds: float) -> None:
        self._due_s = time.perf_counter()
        await self._listen(seconds)

    async def _speak(self, clip: Pcm16, turn: Turn) -> None:
        turn.onset_s = time.perf_counter()
        for start in range(0, len(clip), _FRAME_SAMPLES):
            piece = clip[start : start + _FRAME_SAMPLES]
            if len(piece) < _FRAME_SAMPLES:
                piece = np.concatenate([piece, self._noise[: _FRAME_SAMPLES - len(piece)]])
            turn.end_s = await self._push(piece)

    async def _hear_out(self, turn: Turn, timeout_s: float = 8.0) -> None:
        """Until the reply has been over for a moment."""
        while True:
            await self._listen(FRAME_MS / 1000)
            now_s = time.perf_counter()
            turn.first_sound_s = turn.first_sound_s or self._line.first_after(turn.end_s)
            last_s = self._line.times_s[-1] if self._line.times_s else 0.0
            if turn.first_sound_s is not None and now_s - last_s > 0.45:
                return
            if now_s - max(turn.end_s, last_s) > timeout_s:
                return

    async def _hear_for(self, turn: Turn, seconds: float, timeout_s: float = 8.0) -> None:
        """Until the reply has sounded for this long; then it is interrupted by the next question."""
        while time.perf_counter() - turn.end_s < timeout_s:
            await self._listen(FRAME_MS / 1000)
            turn.first_sound_s = turn.first_sound_s or self._line.first_after(turn.end_s)
            if turn.first_sound_s is not None and time.perf_counter() - turn.first_sound_s >= seconds:
                return

    async def _listen(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000 / FRAME_MS)):
            start = (self._frames * _FRAME_SAMPLES) % (len(self._noise) - _FRAME_SAMPLES)
            await self._push(self._noise[start : start + _FRAME_SAMPLES])

    async def _push(self, piece: Any) -> float:
        self._due_s += FRAME_MS / 1000
        await asyncio.sleep(max(0.0, self._due_s - time.perf_counter()))
        handed_s = time.perf_counter()
        await self._session.push(piece.tobytes())
        self._frames += 1
        return handed_s
