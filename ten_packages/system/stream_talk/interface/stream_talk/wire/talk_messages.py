"""Client messages of `/v1/talk` (docs/protocols.md 1.4) as checked values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from stream_talk.wire import client_events as events
from stream_talk.wire.client_events import Message, Name
from stream_talk.wire.strict_json import BadJson, loads_object

PROTOCOL = 1
SAMPLE_RATES_HZ = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
MAX_TEXT_BYTES = 65_536
MAX_HELLO_BYTES = 1 << 20
"""`hello` and `history` may carry a whole conversation."""

Milliseconds = Annotated[float, Field(ge=0, le=1e12)]
Counter = Annotated[int, Field(ge=0, lt=1 << 53)]


class InputFormat(Message):
    sample_rate_hz: int = 16000


class OutputFormat(Message):
    sample_rate_hz: int = 24000


ConversationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class Hello(Message):
    type: Literal["hello"]
    protocol: int
    client: Name = ""
    input: InputFormat = InputFormat()
    output: OutputFormat = OutputFormat()
    graph: Name | None = None
    lang: Name | None = None
    incognito: bool = False
    settings: events.Settings = events.Settings()
    history: events.History = []
    conversation: ConversationId | None = None
    """Continue (or begin) the conversation of this name; what was finished of it comes from memory."""


class Played(Message):
    generation: Counter
    played_ms: Milliseconds


class Resume(Message):
    type: Literal["resume"]
    protocol: int
    session_id: Name
    token: Name
    last_seq: Counter
    played: Played | None = None
    client: Name = ""


class Ping(Message):
    type: Literal["ping"]
    client_ts_ms: float


class Playout(Message):
    type: Literal["playout"]
    generation: Counter
    played_ms: Milliseconds
    buffered_ms: Milliseconds
    state: Literal["started", "playing", "paused", "finished", "dropped"]
    client_ts_ms: float
    ack: Counter | None = None
    request_id: Name | None = None


class Ack(Message):
    type: Literal["ack"]
    seq: Counter


class SwitchGraph(Message):
    type: Literal["graph"]
    name: Name


class Stats(Message):
    type: Literal["stats"]
    on: bool
    interval_ms: Annotated[int, Field(ge=250, le=10_000)] = 1000


class Bye(Message):
    type: Literal["bye"]


ClientMessage = Hello | Resume | Ping | Playout | Ack | SwitchGraph | Stats | Bye | events.AnyEvent
_ADAPTER: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])


class BadMessage(ValueError):
    """Refusal of one message: `code` and a sentence, and the type of the message when it had one."""

    def __init__(self, code: str, text: str, ref: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.ref = ref


def parse_client_message(text: str | bytes) -> ClientMessage:
    try:
        value = loads_object(text, MAX_HELLO_BYTES)
    except BadJson as error:
        raise BadMessage("malformed", str(error)) from None
    kind = value.get("type")
    if len(text) > MAX_TEXT_BYTES and kind not in ("hello", "history"):
        raise BadMessage("too_long", f"a message has at most {MAX_TEXT_BYTES} bytes")
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        raise _refusal(kind, error) from None


def _refusal(kind: Any, error: ValidationError) -> BadMessage:
    first: Any = error.errors(include_url=False, include_input=False)[0]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        shown = kind[:40] if isinstance(kind, str) else type(kind).__name__
        return BadMessage("unknown_type", f"unknown message type {shown!r}")
    where = ".".join(str(part) for part in first["loc"][1:])
    return BadMessage("invalid", f"{where or 'message'}: {first['msg']}"[:300], str(kind))
