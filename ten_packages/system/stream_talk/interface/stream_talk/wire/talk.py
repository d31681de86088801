"""`/v1/talk` as state machines: what a frame from the socket means, and what goes out in answer. No sockets, no clocks.

`TalkConnection` lives as long as one socket, `MicrophoneStream` and `ReplayBuffer` as long as the conversation: that is what makes
`resume` possible.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stream_talk.wire.frames import FLAG_FIRST, FLAG_LAST, FLAG_MOVED, MICROPHONE, REPLY, AudioFrame, BadFrame, unwrap
from stream_talk.wire.limits import Strikes, TokenBucket
from stream_talk.wire.strict_json import dumps
from stream_talk.wire.talk_messages import (
    MAX_TEXT_BYTES,
    PROTOCOL,
    SAMPLE_RATES_HZ,
    BadMessage,
    ClientMessage,
    Hello,
    Resume,
    parse_client_message,
)

__all__ = [
    "FLAG_FIRST", "FLAG_LAST", "FLAG_MOVED", "MICROPHONE", "REPLY", "AudioFrame", "CloseReason", "MicChunk",
    "MicrophoneStream", "Refused", "TalkConnection", "TalkLimits", "bye", "encode", "error",
]  # fmt: skip

SUBPROTOCOL = "stream-talk.v1"
TOKEN_SUBPROTOCOL_PREFIX = "stream-talk.token."
FRAME_MS = 20


class CloseReason(enum.Enum):
    """Why a conversation's connection ends: (close code, code in messages)."""

    CLIENT = (1000, "client")
    DRAINING = (1001, "draining")
    VANISHED = (1006, "vanished")
    TOO_BIG = (1009, "too_big")
    MALFORMED = (4400, "malformed")
    HELLO_TIMEOUT = (4408, "hello_timeout")
    IDLE = (4409, "idle")
    RESUME_UNKNOWN = (4410, "resume_unknown")
    RESUME_GAP = (4410, "resume_gap")
    SLOW_CLIENT = (4411, "slow_client")
    TAKEN_OVER = (4412, "taken_over")
    UNSUPPORTED = (4422, "unsupported")
    RATE_LIMITED = (4429, "rate_limited")
    GRAPH_FAILED = (4500, "graph_failed")
    AT_CAPACITY = (4503, "at_capacity")

    @property
    def close_code(self) -> int:
        return self.value[0]

    @property
    def code(self) -> str:
        return self.value[1]

    @property
    def is_orderly(self) -> bool:
        """Told with `bye` rather than with `error`."""
        return self in (CloseReason.CLIENT, CloseReason.DRAINING, CloseReason.IDLE, CloseReason.TAKEN_OVER)

    @property
    def can_resume(self) -> bool:
        return self is CloseReason.SLOW_CLIENT


@dataclass(frozen=True, slots=True)
class TalkLimits:
    """What one client may send. The values travel in `ready.limits`."""

    max_text_bytes: int = MAX_TEXT_BYTES
    max_audio_samples: int = 24_000
    messages_per_s: float = 100.0
    message_burst: float = 200.0
    audio_rate: float = 1.25
    audio_burst_s: float = 20.0
    audio_frames_per_s: float = 400.0
    audio_frame_burst: float = 4000.0
    max_gap_ms: int = 1000

    def to_wire(self) -> dict[str, Any]:
        return {
            "max_text_bytes": self.max_text_bytes,
            "max_audio_samples": self.max_audio_samples,
            "messages_per_s": self.messages_per_s,
            "audio_rate": self.audio_rate,
        }


@dataclass(frozen=True, slots=True)
class MicChunk:
    """New sound of the microphone. `position` is the full index of its first sample; `gap_samples` were lost just before it."""

    position: int
    pcm: bytes
    gap_samples: int = 0


@dataclass(slots=True)
class MicrophoneStream:
    """Puts microphone frames in order across reconnections: what was already heard is ignored, what is missing is known."""

    sample_rate_hz: int
    max_gap_ms: int = 1000
    last_seq: int = 0
    next_position: int = 0

    def accept(self, frame: AudioFrame) -> MicChunk | None:
        seq = unwrap(frame.seq, self.last_seq)
        if seq <= self.last_seq:
            return None
        position = unwrap(frame.position, self.next_position)
        if self.last_seq == 0:
            self.next_position = position
        skipped = max(0, position - self.next_position)
        self.last_seq = seq
        self.next_position = max(position, self.next_position) + frame.samples
        gap = min(skipped, self.max_gap_ms * self.sample_rate_hz // 1000)
        return MicChunk(self.next_position - frame.samples, frame.pcm, gap)


@dataclass(frozen=True, slots=True)
class Refused:
    """One message had no effect. `answer` is the error to send; with `close` the connection ends."""

    answer: dict[str, Any]
    close: CloseReason | None = None


Received = ClientMessage | AudioFrame | Refused


@dataclass(slots=True)
class TalkConnection:
    """One socket. Feed it what arrives; it returns what that means, once checked against protocol state and limits."""

    limits: TalkLimits = field(default_factory=TalkLimits)
    input_rate_hz: int = 16000
    is_open: bool = False
    _strikes: Strikes = field(default_factory=Strikes)
    _messages: TokenBucket = field(init=False)
    _frames: TokenBucket = field(init=False)
    _audio: TokenBucket = field(init=False)

    def __post_init__(self) -> None:
        self._messages = TokenBucket(self.limits.messages_per_s, self.limits.message_burst)
        self._frames = TokenBucket(self.limits.audio_frames_per_s, self.limits.audio_frame_burst)
        self._set_audio_rate(self.input_rate_hz)

    def _set_audio_rate(self, rate_hz: int) -> None:
        self.input_rate_hz = rate_hz
        self._audio = TokenBucket(rate_hz * self.limits.audio_rate, rate_hz * self.limits.audio_burst_s)

    def opened(self, input_rate_hz: int) -> None:
        """`ready` was sent: from now on everything but `hello` and `resume` is welcome."""
        self.is_open = True
        self._set_audio_rate(input_rate_hz)

    def receive_text(self, text: str | bytes, now_ms: float) -> Received:
        if not self._messages.take(1, now_ms):
            return self._refuse(BadMessage("rate_limited", "too many messages"), now_ms, CloseReason.RATE_LIMITED)
        try:
            message = parse_client_message(text)
        except BadMessage as bad:
            return self._refuse(bad, now_ms)
        if isinstance(message, (Hello, Resume)):
            return self._receive_greeting(message, now_ms)
        if not self.is_open:
            return self._refuse(BadMessage("malformed", "the first message is hello or resume", message.type), now_ms)
        return message

    def _receive_greeting(self, message: Hello | Resume, now_ms: float) -> Received:
        if self.is_open:
            return self._refuse(BadMessage("invalid", "the conversation has already begun", message.type), now_ms)
        if message.protocol != PROTOCOL:
            text = f"this server speaks protocol {PROTOCOL}, not {message.protocol}"
            return Refused(error("unsupported", text, fatal=True, ref=message.type), CloseReason.UNSUPPORTED)
        if isinstance(message, Hello):
            for rate in (message.input.sample_rate_hz, message.output.sample_rate_hz):
                if rate not in SAMPLE_RATES_HZ:
                    text = f"sample rate {rate} is not one of {', '.join(map(str, SAMPLE_RATES_HZ))}"
                    return Refused(error("unsupported", text, fatal=True, ref="hello"), CloseReason.UNSUPPORTED)
        return message

    def receive_bytes(self, data: bytes, now_ms: float) -> Received:
        if not self.is_open:
            return self._refuse(BadMessage("malformed", "the first message is hello or resume", "audio"), now_ms)
        try:
            frame = AudioFrame.decode(data)
        except BadFrame as bad:
            return self._refuse(BadMessage("malformed", str(bad), "audio"), now_ms)
        if frame.kind != MICROPHONE:
            return self._refuse(BadMessage("invalid", "a client sends frames of kind 1", "audio"), now_ms)
        if not 0 < frame.samples <= self.limits.max_audio_samples:
            text = f"a frame has 1 to {self.limits.max_audio_samples} samples"
            return self._refuse(BadMessage("invalid", text, "audio"), now_ms)
        if not (self._frames.take(1, now_ms) and self._audio.take(frame.samples, now_ms)):
            bad_rate = BadMessage("rate_limited", "sound arrives faster than it can have been spoken", "audio")
            return self._refuse(bad_rate, now_ms, CloseReason.RATE_LIMITED)
        return frame

    def _refuse(self, bad: BadMessage, now_ms: float, close: CloseReason = CloseReason.MALFORMED) -> Refused:
        is_fatal = self._strikes.add(now_ms) or not self.is_open
        code = close.code if is_fatal else bad.code
        return Refused(error(code, bad.text, fatal=is_fatal, ref=bad.ref), close if is_fatal else None)


def error(
    code: str, text: str, *, fatal: bool = False, ref: str | None = None, retry_after_ms: int | None = None
) -> dict[str, Any]:
    message: dict[str, Any] = {"type": "error", "code": code, "text": text, "fatal": fatal}
    if retry_after_ms is not None:
        message["retry_after_ms"] = retry_after_ms
    if ref is not None:
        message["ref"] = ref
    return message


def bye(reason: CloseReason, text: str) -> dict[str, Any]:
    return {"type": "bye", "reason": reason.code, "text": text, "can_resume": reason.can_resume}


def closing(reason: CloseReason, text: str, *, retry_after_ms: int | None = None) -> dict[str, Any]:
    """The last message before the socket closes for `reason`."""
    if reason.is_orderly:
        return bye(reason, text)
    return error(reason.code, text, fatal=True, retry_after_ms=retry_after_ms)


def encode(message: Mapping[str, Any], seq: int | None = None) -> str:
    """The text frame of a server message; `seq` when it belongs to the conversation."""
    if seq is None:
        return dumps(message)
    return dumps({"type": message.get("type"), "seq": seq, **{k: v for k, v in message.items() if k != "type"}})
