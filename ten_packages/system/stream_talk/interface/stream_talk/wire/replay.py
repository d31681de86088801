"""What a client may have missed: everything sequenced that was sent, bounded, so that a broken line can be mended exactly.

Items leave only from the old end, so what is kept is always a gapless run of sequence numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from stream_talk.wire.frames import FLAG_FIRST, FLAG_MOVED, AudioFrame


class ReplayGap(LookupError):
    """What was asked for is not kept any more, or was never sent."""


@dataclass(frozen=True, slots=True)
class SentText:
    seq: int
    text: str


Sent = SentText | AudioFrame


@dataclass(slots=True)
class ReplayBuffer:
    """Keeps the last `max_audio_ms` of sound and `max_text_chars` of messages, and gives them out again."""

    sample_rate_hz: int
    max_audio_ms: int = 10_000
    max_text_chars: int = 1 << 20
    last_seq: int = 0
    _items: deque[Sent] = field(default_factory=deque)
    _audio_samples: int = 0
    _text_chars: int = 0
    _evicted_seq: int = 0

    def next_seq(self) -> int:
        return self.last_seq + 1

    def add(self, item: Sent) -> None:
        if item.seq != self.next_seq():
            raise ValueError(f"expected seq {self.next_seq()}, not {item.seq}")
        self.last_seq = item.seq
        self._items.append(item)
        self._count(item, 1)
        max_samples = self.max_audio_ms * self.sample_rate_hz // 1000
        while self._audio_samples > max_samples or self._text_chars > self.max_text_chars:
            oldest = self._items.popleft()
            self._count(oldest, -1)
            self._evicted_seq = oldest.seq

    def _count(self, item: Sent, sign: int) -> None:
        if isinstance(item, SentText):
            self._text_chars += sign * len(item.text)
        else:
            self._audio_samples += sign * item.samples

    def after(self, last_seq: int) -> list[Sent]:
        """Everything newer than `last_seq`, in order."""
        self._check(last_seq)
        return [item for item in self._items if item.seq > last_seq]

    def after_played(self, last_seq: int, generation: int, played_samples: int) -> list[Sent]:
        """Like `after`, and once more the sound of one reply from exactly `played_samples` on; its earlier sound is left out."""
        self._check(last_seq)
        kept_from = min((f.position for f in self._frames(generation)), default=None)
        if kept_from is not None and kept_from > played_samples:
            raise ReplayGap(f"sound from sample {played_samples} is not kept any more")
        return [
            item
            for item in map(lambda sent: _from_sample(sent, generation, played_samples), self._items)
            if item is not None and (item.seq > last_seq or _is_frame_of(item, generation))
        ]

    def _check(self, last_seq: int) -> None:
        if not self._evicted_seq <= last_seq <= self.last_seq:
            raise ReplayGap(f"{last_seq} is outside of what is kept ({self._evicted_seq}…{self.last_seq})")

    def _frames(self, generation: int) -> Iterator[AudioFrame]:
        return (i for i in self._items if isinstance(i, AudioFrame) and i.generation == generation)

    @property
    def held_audio_ms(self) -> int:
        return self._audio_samples * 1000 // self.sample_rate_hz


def _is_frame_of(item: Sent, generation: int) -> bool:
    return isinstance(item, AudioFrame) and item.generation == generation


def _from_sample(item: Sent, generation: int, first_sample: int) -> Sent | None:
    """The part of `item` from `first_sample` of that reply on; None when nothing of it is left."""
    if not isinstance(item, AudioFrame) or item.generation != generation:
        return item
    end = item.position + item.samples
    if end <= first_sample and item.samples:
        return None
    if item.position >= first_sample:
        return item
    drop = first_sample - item.position
    return replace(item, position=first_sample, pcm=item.pcm[drop * 2 :], flags=item.flags & ~FLAG_FIRST | FLAG_MOVED)
