"""Binary audio frames of `/v1/talk` (docs/protocols.md 1.3): 16 bytes of header, then mono s16le samples."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MICROPHONE = 1
REPLY = 2

FLAG_FIRST = 1
FLAG_LAST = 2
FLAG_MOVED = 4

HEADER = struct.Struct("<BBHIII")
HEADER_BYTES = HEADER.size
COUNTER_MODULUS = 1 << 32


class BadFrame(ValueError):
    """Why bytes are not an audio frame, as a sentence."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """`position` is the index of the first sample: of the stream for the microphone, of the reply for replies."""

    kind: int
    seq: int
    generation: int
    position: int
    pcm: bytes
    flags: int = 0

    @property
    def samples(self) -> int:
        return len(self.pcm) // 2

    def encode(self) -> bytes:
        return (
            HEADER.pack(
                self.kind,
                self.flags,
                0,
                self.seq % COUNTER_MODULUS,
                self.generation % COUNTER_MODULUS,
                self.position % COUNTER_MODULUS,
            )
            + self.pcm
        )

    @classmethod
    def decode(cls, data: bytes) -> AudioFrame:
        if len(data) < HEADER_BYTES:
            raise BadFrame(f"an audio frame has at least {HEADER_BYTES} bytes, this one {len(data)}")
        if len(data) % 2:
            raise BadFrame("an audio frame holds whole 16-bit samples, this one has an odd number of bytes")
        kind, flags, _reserved, seq, generation, position = HEADER.unpack_from(data)
        if kind not in (MICROPHONE, REPLY):
            raise BadFrame(f"unknown frame kind {kind}")
        return cls(kind, seq, generation, position, bytes(data[HEADER_BYTES:]), flags)


def unwrap(counter: int, near: int) -> int:
    """The full value of a 32-bit `counter`, taken to be the one closest to `near`. Never negative."""
    delta = (counter - near) % COUNTER_MODULUS
    if delta >= COUNTER_MODULUS // 2:
        delta -= COUNTER_MODULUS
    return max(0, near + delta)
