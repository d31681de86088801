"""`WS /v1/realtime`: the socket around the Realtime protocol's state machine, and the port that its conversation sees."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from starlette.websockets import WebSocket
from stream_talk import clock
from stream_talk.audio.resample import StreamResampler
from stream_talk.wire import strict_json
from stream_talk.wire.realtime.connection import Effect, Microphone, RealtimeConnection, ToClient, ToSession
from stream_talk.wire.realtime.dialect import event_to_beta
from stream_talk.wire.realtime.errors import RealtimeError
from stream_talk.wire.realtime.session_object import SessionObject
from stream_talk.wire.talk import CloseReason

from ..catalog import UnknownGraph
from ..client_port import PortTraits, ReplyFrame
from ..client_socket import ClientSocket
from ..gateway import AtCapacity, Gateway
from ..graph_host import GraphFailed
from ..session import Session

RATE_HZ = 24_000
LEAD_MS = 300
SESSION_LIFETIME_S = 3600
_CLOSE_TRY_AGAIN, _CLOSE_POLICY, _CLOSE_INTERNAL = 1013, 1008, 1011


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
    """`ClientPort` on one side, client text on the other; the protocol in between."""

    def __init__(self, socket: ClientSocket, connection: RealtimeConnection) -> None:
        self.traits = PortTraits("realtime", RATE_HZ, RATE_HZ, frame_ms=40, lead_ms=LEAD_MS, reports_playout=False)
        self.session: Session | None = None
        self._socket = socket
        self._connection = connection
        self._in, self._out = _RateMatch(), _RateMatch()

    async def receive(self, text: str) -> None:
        await self._apply(self._connection.receive(text))

    async def _apply(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ToClient):
                self._tell(effect)
            elif self.session is None:
                continue
            elif isinstance(effect, ToSession):
                await self.session.send_event(effect.event)
            elif isinstance(effect, Microphone):
                rate_hz = self._connection.session.input_format.rate_hz
                await self.session.send_audio(self._in.convert(effect.pcm, rate_hz, RATE_HZ), effect.media_ms)

    def tell(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ToClient):
                self._tell(effect)

    def _tell(self, effect: ToClient) -> None:
        event: dict[str, Any] | None = {"event_id": new_id("event"), **effect.event}
        if self._connection.beta and event is not None:
            event = event_to_beta(event)
        if event is None:
            return
        text = strict_json.dumps(event)
        if effect.generation is None:
            self._socket.send_text(text)
        else:
            self._socket.send_sound(text, effect.generation)

    # --- ClientPort ---------------------------------------------------------------------------------------------------

    def on_audio(self, frame: ReplyFrame) -> None:
        rate_hz = self._connection.session.output_format.rate_hz
        pcm = self._out.convert(frame.pcm, RATE_HZ, rate_hz)
        self.tell(self._connection.on_audio(pcm, frame.generation, frame.turn_id, frame.request_id))

    def on_message(self, message: Mapping[str, Any]) -> None:
        self.tell(self._connection.on_message(message))

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        if action == "cut":
            self._socket.outbox.drop_sound(generation)
            self.tell(self._connection.on_cut(generation))

    def on_closed(self, reason: CloseReason, text: str) -> None:
        if reason.close_code != 1000:
            error = RealtimeError(reason.code, text, kind="server_error")
            self._tell(ToClient({"type": "error", "error": error.body(None)}))
        self._socket.finish(reason.close_code, reason.code)


class RealtimeShell:
    """Lives as long as one accepted socket. This protocol has no resume: the conversation ends with it."""

    def __init__(
        self, gateway: Gateway, websocket: WebSocket, *, model: str, beta: bool, initial: Mapping[str, Any] | None
    ) -> None:
        self._gateway = gateway
        self._graph = model if model in {offer.name for offer in gateway.catalog} else None
        expires_at_s = int(clock.epoch_ms() / 1000) + SESSION_LIFETIME_S
        session = SessionObject(new_id("sess"), model or "stream-talk", "alloy", expires_at_s)
        self._connection = RealtimeConnection(new_id, session, beta=beta)
        self._settings = session.update(dict(initial)) if initial else session.settings()
        self._socket = ClientSocket(websocket, gateway.config.send_buffer_bytes, self._too_slow)
        self._port = RealtimePort(self._socket, self._connection)

    async def run(self) -> None:
        writer = asyncio.get_running_loop().create_task(self._socket.run_writer())
        expiry: asyncio.TimerHandle | None = None
        try:
            if await self._begin():
                expiry = asyncio.get_running_loop().call_later(SESSION_LIFETIME_S, self._expire)
                await self._converse()
        finally:
            if expiry is not None:
                expiry.cancel()
            if self._port.session is not None:
                await self._port.session.close(CloseReason.CLIENT, "Goodbye.")
            await self._socket.wait_closed(writer)

    async def _begin(self) -> bool:
        hello = {"settings": {k: v for k, v in self._settings.items() if v not in ("", None)}, "greet": False}
        try:
            self._port.session = await self._gateway.open_session(self._port, self._graph, hello)
        except AtCapacity as full:
            self._turn_away("session_limit_reached", str(full), _CLOSE_TRY_AGAIN)
        except UnknownGraph as unknown:
            self._turn_away("model_not_found", str(unknown), _CLOSE_POLICY)
        except GraphFailed as failure:
            self._turn_away("server_error", str(failure), _CLOSE_INTERNAL)
        else:
            self._port.tell(self._connection.opened())
            return True
        return False

    async def _converse(self) -> None:
        while True:
            data = await self._socket.receive()
            if data is None:
                return
            if not self._socket.is_finished:
                await self._port.receive(data if isinstance(data, str) else data.decode("utf-8", errors="replace"))

    def _turn_away(self, code: str, text: str, close_code: int) -> None:
        error = RealtimeError(code, text, kind="server_error")
        self._port.tell([ToClient({"type": "error", "error": error.body(None)})])
        self._socket.finish(close_code, code)

    def _expire(self) -> None:
        self._turn_away("session_expired", "Your session hit the maximum duration of 60 minutes.", 1001)

    def _too_slow(self) -> None:
        self._gateway.metrics.slow_clients.inc()
        reason = CloseReason.SLOW_CLIENT
        self._socket.finish(reason.close_code, reason.code)
