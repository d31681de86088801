"""The client's half of `/v1/talk` (docs/protocols.md) without a socket: what is sent first, what is new, what must be sent again."""

from __future__ import annotations

import json
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from stream_talk.wire.frames import MICROPHONE, AudioFrame, unwrap

INPUT_RATE_HZ = 16_000
OUTPUT_RATE_HZ = 24_000
KEEP_S = 10
FIRST_RETRY_MS, LONGEST_RETRY_MS = 250.0, 8000.0

STOPS = {1000, 4400, 4409, 4412, 4422, 4429, 4500}
"""Close codes after which a client does not come back by itself."""
NEW_SESSION = {1001, 1009, 4408, 4410, 4503}
"""Close codes after which only a new session makes sense."""


def backoff_ms(attempt: int, rng: random.Random) -> float:
    """Doubling, capped, half of it random: a restarted server is not met by everybody at once."""
    ceiling = min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2.0**attempt)
    return ceiling / 2 + rng.random() * ceiling / 2


@dataclass(slots=True)
class Microphone:
    """Frames on their way up: numbered, and kept as long as a broken line may need them."""

    seq: int = 0
    position: int = 0
    kept: deque[AudioFrame] = field(default_factory=deque)

    def frame(self, pcm: bytes) -> AudioFrame:
        self.seq += 1
        frame = AudioFrame(MICROPHONE, self.seq, 0, self.position, pcm)
        self.position += frame.samples
        self.kept.append(frame)
        while self.kept[0].position + KEEP_S * INPUT_RATE_HZ < self.position:
            self.kept.popleft()
        return frame

    def after(self, input_seq: int) -> list[AudioFrame]:
        newest = unwrap(input_seq, self.seq)
        return [frame for frame in self.kept if frame.seq > newest]


@dataclass(slots=True)
class Talk:
    """One conversation over however many connections it takes."""

    greeting: dict[str, Any]
    client: str = "stream-talk-chat/1"
    session_id: str = ""
    resume_token: str = ""
    last_seq: int = 0
    microphone: Microphone = field(default_factory=Microphone)

    def opening(self) -> dict[str, Any]:
        if self.session_id:
            identity = {"session_id": self.session_id, "token": self.resume_token, "last_seq": self.last_seq}
            return {"type": "resume", "protocol": 1, "client": self.client, **identity}
        rates = {"input": {"sample_rate_hz": INPUT_RATE_HZ}, "output": {"sample_rate_hz": OUTPUT_RATE_HZ}}
        return {"type": "hello", "protocol": 1, "client": self.client, **rates, **self.greeting}

    def begin_anew(self) -> None:
        self.session_id = ""
        self.last_seq = 0
        self.microphone = Microphone()

    def receive(self, data: str | bytes) -> dict[str, Any] | AudioFrame | None:
        """What arrived, or None when it was here before."""
        item: dict[str, Any] | AudioFrame = AudioFrame.decode(data) if isinstance(data, bytes) else json.loads(data)
        seq = item.seq if isinstance(item, AudioFrame) else item.get("seq")
        if seq is not None:
            newest = unwrap(seq, self.last_seq)
            if newest <= self.last_seq:
                return None
            self.last_seq = newest
        if isinstance(item, dict) and item["type"] == "ready":
            self.session_id = item["session_id"]
            self.resume_token = item["resume_token"]
            if item.get("conversation") and not self.greeting.get("incognito"):
                # Should the server be restarted, the next session goes on with what this one is remembered by.
                self.greeting = {**self.greeting, "conversation": item["conversation"]}
        return item
