"""How a client protocol and a conversation see each other.

To add a protocol, write a class with the methods of `ClientPort`, give it to `Gateway.open_session`, and call the methods of
`Session` (`send_audio`, `send_event`, `report_playout`, `switch_graph`, `close`) for what the client says. Nothing else of the
gateway needs to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stream_talk.wire.talk import CloseReason


@dataclass(frozen=True, slots=True)
class PortTraits:
    """What the client can do by itself."""

    protocol: str
    input_rate_hz: int = 16_000
    output_rate_hz: int = 24_000
    frame_ms: int = 20
    lead_ms: int = 240
    """Replies are sent at most so far ahead of real time."""
    reports_playout: bool = True
    """It ducks, pauses and cuts by itself and says what was played (`report_playout`). Otherwise the session does it for the client."""
    can_flush: bool = True
    """It can drop sound that it has already received."""
    is_greeted: bool = True
    """The assistant may speak first. Programs expect to be answered only when they ask."""
    wants_synthesis_end: bool = False
    """It is told `synthesis_end` when all sound of a reply has been made, which is before all of it was sent."""


@dataclass(frozen=True, slots=True)
class ReplyFrame:
    """A piece of a reply, due now. `position` is the index of its first sample in the reply, at the port's output rate."""

    generation: int
    turn_id: int
    request_id: str
    position: int
    pcm: bytes
    is_first: bool = False

    @property
    def samples(self) -> int:
        return len(self.pcm) // 2


class ClientPort(Protocol):
    """What a conversation tells its client. Called on the event loop, in order; must not block or raise."""

    @property
    def traits(self) -> PortTraits: ...

    def on_audio(self, frame: ReplyFrame) -> None:
        """Sound to play. A generation's frames come in order and without gaps."""

    def on_message(self, message: Mapping[str, Any]) -> None:
        """`message` of docs/messages.md, and `audio_start`, `audio_end`, `graph` of docs/protocols.md."""

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        """`playout_control`. A `cut` comes at once, before anything else of the session happens; drop what you hold."""

    def on_closed(self, reason: CloseReason, text: str) -> None:
        """The conversation is over. `text` is a sentence for the person."""
