"""`WS /v1/realtime`: the socket around the Realtime protocol's state machine, and the port that its conversation sees."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from starlette.websockets import WebSocket
from stream_talk import clock
from stream_talk.audio.resample import StreamResampler
from stream_talk.wire import strict_json
from stream_talk.wire.limits import TokenBucket
from stream_talk.wire.realtime.connection import Effect, Microphone, RealtimeConnection, ToClient, ToSession
from stream_talk.wire.realtime.dialect import event_to_beta
from stream_talk.wire.realtime.errors import RealtimeError
from stream_talk.wire.realtime.requests import MAX_MESSAGE_BYTES
from stream_talk.wire.realtime.session_object import SessionObject
from stream_talk.wire.talk import CloseReason

from ..client_port import PortTraits, ReplyFrame
from ..client_socket import ClientSocket
from ..gateway import Gateway
from ..session import Session
from .plain_shell import PlainShell

RATE_HZ = 24_000
LEAD_MS = 300
SESSION_LIFETIME_S = 3600
BYTES_PER_S = 2 << 20
_PIECE_BYTES = RATE_HZ // 10 * 2


def new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(10)}"


class _RateMatch:
    """Between the rate that the client chose (and may change) and the port's own."""

    def __init__(self) -> None:
        self._rates = (RATE_HZ, RATE_HZ)
        self._resampler: StreamResampler | None = None

    def convert(self, pcm: bytes, from_hz: int, to_hz: int) -> bytes:
        if from_hz == to_hz:
            return pcm
        if self._resampler is None or self._rates != (from_hz, to_hz):
            self._rates, self._resampler = (from_hz, to_hz), StreamResampler(from_hz, to_hz)
        return bytes(self._resampler.process(np.frombuffer(pcm, dtype=np.int16)).tobytes())


class RealtimePort:
    """`ClientPort`: what the conversation says, as events of the protocol."""

    def __init__(self, socket: ClientSocket, connection: RealtimeConnection) -> None:
        self.traits = PortTraits(
            "realtime", RATE_HZ, RATE_HZ, frame_ms=40, lead_ms=LEAD_MS, reports_playout=False, is_greeted=False
        )
        self._socket = socket
        self._connection = connection
        self._rate = _RateMatch()
        self.on_wish: Callable[[dict[str, Any]], None] = lambda _event: None
        """Told what the conversation should do as a consequence of what it said."""

    def tell(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ToSession):
                self.on_wish(effect.event)
            elif isinstance(effect, ToClient):
                text = self.encoded(effect.event)
                if text is None:
                    continue
                if effect.generation is None:
                    self._socket.send_text(text)
                else:
                    self._socket.send_sound(text, effect.generation)

    def encoded(self, event: Mapping[str, Any]) -> str | None:
        """With an id of its own, in the client's dialect; None when that dialect has no such event."""
        named: dict[str, Any] | None = {"event_id": new_id("event"), **event}
        if self._connection.beta and named is not None:
            named = event_to_beta(named)
        return None if named is None else strict_json.dumps(named)

    def last_words(self, code: str, text: str) -> str:
        error = RealtimeError(code, text, kind="server_error")
        return self.encoded({"type": "error", "error": error.body(None)}) or ""

    # --- ClientPort ---------------------------------------------------------------------------------------------------

    def on_audio(self, frame: ReplyFrame) -> None:
        pcm = self._rate.convert(frame.pcm, RATE_HZ, self._connection.session.output_format.rate_hz)
        self.tell(self._connection.on_audio(pcm, frame.generation, frame.turn_id, frame.request_id))

    def on_message(self, message: Mapping[str, Any]) -> None:
        self.tell(self._connection.on_message(message))

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        if action == "cut":
            self._socket.outbox.drop_sound(generation)
            self.tell(self._connection.on_cut(generation, str(control.get("request_id") or "")))

    def on_closed(self, reason: CloseReason, text: str) -> None:
        words = None if reason is CloseReason.CLIENT else self.last_words(reason.code, text)
        self._socket.finish(reason.close_code, reason.code, words)


class RealtimeShell(PlainShell):
    """This protocol has no resume: the conversation ends with its socket. `model` is the graph, when there is one of that name."""

    # Programs append whole recordings at once.
    audio_burst_s = 330.0

    def __init__(
        self, gateway: Gateway, websocket: WebSocket, *, model: str, beta: bool, initial: Mapping[str, Any] | None
    ) -> None:
        super().__init__(gateway, websocket)
        expires_at_s = int(clock.epoch_ms() / 1000) + SESSION_LIFETIME_S
        session = SessionObject(new_id("sess"), model or "stream-talk", "alloy", expires_at_s)
        self._settings = session.update(dict(initial or {}))
        self._connection = RealtimeConnection(new_id, session, beta=beta)
        self._port = RealtimePort(self.socket, self._connection)
        self._rate = _RateMatch()
        self._bytes = TokenBucket(BYTES_PER_S, 2 * MAX_MESSAGE_BYTES)
        self._expiry: asyncio.TimerHandle | None = None

    def make_port(self) -> RealtimePort:
        return self._port

    def hello(self) -> Mapping[str, Any]:
        return {"settings": {key: value for key, value in self._settings.items() if value not in ("", None)}}

    def cannot_begin(self, text: str) -> str:
        return self._port.last_words("server_error", text)

    async def run(self, graph: str | None = None) -> None:
        self.on_begun = self._begun
        try:
            await super().run(graph)
        finally:
            if self._expiry is not None:
                self._expiry.cancel()

    def _begun(self, session: Session) -> None:
        self._port.on_wish = lambda event: self.gateway.soon(lambda: session.send_event(event))
        self._port.tell(self._connection.opened())
        self._expiry = asyncio.get_running_loop().call_later(SESSION_LIFETIME_S, self._expire)

    def _expire(self) -> None:
        words = self._port.last_words("session_expired", "Your session hit the maximum duration of 60 minutes.")
        self.socket.finish(1001, "session_expired", words)

    async def handle(self, data: str | bytes) -> None:
        if not self._bytes.take(len(data), clock.now_ms()):
            self._refuse_excess("Too much data; send at most a few times what is spoken.")
            return
        text = data if isinstance(data, str) else data.decode("utf-8", errors="replace")
        for effect in self._connection.receive(text):
            if isinstance(effect, ToClient):
                self._port.tell([effect])
            elif isinstance(effect, ToSession) and self.session is not None:
                await self.session.send_event(effect.event)
            elif isinstance(effect, Microphone):
                await self._hear_all(effect.pcm)

    async def _hear_all(self, pcm: bytes) -> None:
        """In pieces: minutes of sound in one message must not keep the loop from those who talk."""
        pcm = self._rate.convert(pcm, self._connection.session.input_format.rate_hz, RATE_HZ)
        for start in range(0, len(pcm), _PIECE_BYTES):
            if start:
                await asyncio.sleep(0)
            if not await self.hear(pcm[start : start + _PIECE_BYTES]):
                self._refuse_excess("Too much sound, too far ahead of real time; the rest of it is dropped.")
                return

    def _refuse_excess(self, text: str) -> None:
        error = RealtimeError("rate_limit_exceeded", text)
        self._port.tell([ToClient({"type": "error", "error": error.body(None)})])
