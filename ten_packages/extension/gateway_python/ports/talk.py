"""`WS /v1/talk`: the socket around the protocol's state machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import Any

from starlette.websockets import WebSocket
from stream_talk import __version__, clock
from stream_talk.wire import client_events, talk, talk_messages
from stream_talk.wire.frames import AudioFrame
from stream_talk.wire.replay import ReplayGap
from stream_talk.wire.talk import CloseReason, Refused, TalkConnection, TalkLimits
from stream_talk.wire.talk_messages import ClientMessage, Hello, Resume

from ..admission import AtCapacity
from ..catalog import UnknownGraph
from ..client_socket import ClientSocket
from ..gateway import Gateway
from ..graph_host import GraphFailed
from ..session import Session
from .talk_port import TalkPort

logger = logging.getLogger("stream_talk.gateway")
SLOW_PATIENCE_S = 120.0


class TalkShell:
    """Lives as long as one accepted socket."""

    def __init__(self, gateway: Gateway, websocket: WebSocket) -> None:
        self._gateway = gateway
        self._config = gateway.config
        self._limits = TalkLimits()
        self._protocol = TalkConnection(self._limits)
        self._socket = ClientSocket(websocket, self._config.send_buffer_bytes, self._too_slow)
        self._session: Session | None = None
        self._port: TalkPort | None = None
        self._stats_timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        writer = asyncio.get_running_loop().create_task(self._socket.run_writer())
        try:
            if await self._greet():
                await self._converse()
        finally:
            self._hush_stats()
            self._let_go()
            await self._socket.wait_closed(writer)

    # --- the beginning ------------------------------------------------------------------------------------------------

    async def _greet(self) -> bool:
        """Receive until there is a conversation; False when there will be none."""
        try:
            data = await asyncio.wait_for(self._socket.receive(), self._config.hello_timeout_ms / 1000)
        except asyncio.TimeoutError:
            self._turn_away(CloseReason.HELLO_TIMEOUT, "No hello arrived in time.")
            return False
        if data is None:
            return False
        now_ms = clock.now_ms()
        if isinstance(data, bytes):
            received = self._protocol.receive_bytes(data, now_ms)
        else:
            received = self._protocol.receive_text(data, now_ms)
        if isinstance(received, Hello):
            return await self._begin(received)
        if isinstance(received, Resume):
            return self._come_back(received)
        assert isinstance(received, Refused) and received.close is not None
        self._refuse(received)
        return False

    async def _begin(self, hello: Hello) -> bool:
        port = TalkPort(hello, self._config.lead_ms)
        said = [entry.model_dump() for entry in hello.history]
        settings = hello.settings.model_dump(exclude_none=True)
        greeting: dict[str, Any] = {"incognito": hello.incognito, "settings": settings}
        if hello.lang:
            greeting["lang"] = hello.lang
        if hello.conversation:
            greeting["conversation"] = hello.conversation
        try:
            session = await self._gateway.open_session(port, hello.graph, greeting, said)
        except AtCapacity as full:
            self._turn_away(CloseReason.AT_CAPACITY, str(full), full.retry_after_ms)
        except UnknownGraph as unknown:
            self._turn_away(CloseReason.UNSUPPORTED, str(unknown))
        except GraphFailed as failure:
            self._turn_away(CloseReason.GRAPH_FAILED, str(failure))
        except Exception:
            logger.exception("a conversation could not be opened")
            self._turn_away(CloseReason.GRAPH_FAILED, "Something went wrong inside the server; its log says more.")
        else:
            self._take_up(session, port, resumed=False)
            return True
        return False

    def _come_back(self, resume: Resume) -> bool:
        session = self._gateway.sessions.get(resume.session_id)
        port = session.port if session is not None else None
        if session is None or not isinstance(port, TalkPort) or not _same(port.resume_token, resume.token):
            self._turn_away(CloseReason.RESUME_UNKNOWN, "There is no such conversation any more.")
            return False
        try:
            missed = port.missed(resume)
        except ReplayGap as gap:
            self._turn_away(CloseReason.RESUME_GAP, f"Too much was missed: {gap}.")
            return False
        self._gateway.metrics.resumed.inc()
        self._take_up(session, port, resumed=True)
        port.send_again(missed)
        session.resume()
        return True

    def _take_up(self, session: Session, port: TalkPort, *, resumed: bool) -> None:
        self._session, self._port = session, port
        replaced = port.attach(self._socket)
        if replaced is not None:
            reason = CloseReason.TAKEN_OVER
            words = talk.encode(talk.bye(reason, "The conversation goes on elsewhere."))
            replaced.finish(reason.close_code, reason.code, words)
        self._protocol.opened(port.traits.input_rate_hz)
        self._gateway.keep(session)
        # `ready` overtakes what the graph said while it was starting: nothing was sent before the line was attached.
        self._send(self._ready(session, port, resumed=resumed))
        if not resumed:
            port.send_again(port.replay.after(0))

    def _ready(self, session: Session, port: TalkPort, *, resumed: bool) -> dict[str, Any]:
        config, traits = self._config, port.traits
        return {
            "type": "ready",
            "protocol": talk_messages.PROTOCOL,
            "server": f"stream-talk/{__version__}",
            "session_id": session.id,
            "conversation": session.conversation_id,
            "resume_token": port.resume_token,
            "resume_window_ms": config.resume_window_ms,
            "resumed": resumed,
            "input_seq": port.microphone.last_seq,
            **({"history": session.history.messages(), "state": session.state} if resumed else {}),
            "graph": session.graph_name,
            "graphs": [offer.to_wire() for offer in self._gateway.catalog],
            "input": {"sample_rate_hz": traits.input_rate_hz},
            "output": {
                "sample_rate_hz": traits.output_rate_hz,
                "frame_ms": traits.frame_ms,
                "lead_ms": traits.lead_ms,
            },
            "limits": {
                **self._limits.to_wire(),
                "idle_timeout_ms": config.idle_timeout_ms,
                "send_buffer_bytes": config.send_buffer_bytes,
                "hello_timeout_ms": config.hello_timeout_ms,
            },
            "server_ts_ms": clock.epoch_ms(),
        }

    # --- the conversation ---------------------------------------------------------------------------------------------

    async def _converse(self) -> None:
        while True:
            data = await self._socket.receive()
            if data is None:
                return
            if self._socket.is_finished:
                continue  # only the closing handshake is still awaited
            if isinstance(data, bytes):
                received = self._protocol.receive_bytes(data, clock.now_ms())
            else:
                received = self._protocol.receive_text(data, clock.now_ms())
            if isinstance(received, AudioFrame):
                await self._take_sound(received)
            elif isinstance(received, Refused):
                self._refuse(received)
            else:
                await self._take_message(received)

    async def _take_sound(self, frame: AudioFrame) -> None:
        assert self._session is not None and self._port is not None
        chunk = self._port.microphone.accept(frame)
        if chunk is None:
            return
        rate_hz = self._port.traits.input_rate_hz
        pcm = bytes(2 * chunk.gap_samples) + chunk.pcm
        await self._session.send_audio(pcm, (chunk.position - chunk.gap_samples) * 1000 / rate_hz)

    async def _take_message(self, message: ClientMessage) -> None:
        session = self._session
        assert session is not None and self._port is not None
        if isinstance(message, client_events.Event):
            await session.send_event(message.to_client_event())
        elif isinstance(message, talk_messages.Playout):
            await session.report_playout(message.model_dump(exclude={"type", "ack", "request_id"}))
        elif isinstance(message, talk_messages.Ping):
            self._send({"type": "pong", "client_ts_ms": message.client_ts_ms, "server_ts_ms": clock.epoch_ms()})
        elif isinstance(message, talk_messages.SwitchGraph):
            self._switch_graph(session, message.name)
        elif isinstance(message, talk_messages.Stats):
            self._subscribe_stats(message)
        elif isinstance(message, talk_messages.Bye):
            await session.close(CloseReason.CLIENT, "Goodbye.")

    def _switch_graph(self, session: Session, name: str) -> None:
        try:
            self._gateway.catalog.require(name)
        except UnknownGraph as unknown:
            self._send(talk.error("unknown_graph", str(unknown), ref="graph"))
            return
        if session.is_switching:
            self._send(talk.error("busy", "another switch is still going on", ref="graph"))
            return
        self._gateway.soon(lambda: session.switch_graph(name))

    def _subscribe_stats(self, message: talk_messages.Stats) -> None:
        self._hush_stats()
        if message.on:
            self._tell_stats(message.interval_ms)

    def _tell_stats(self, interval_ms: int) -> None:
        assert self._session is not None
        self._send({"type": "stats", **self._gateway.statistics_of(self._session)})
        loop = asyncio.get_running_loop()
        self._stats_timer = loop.call_later(interval_ms / 1000, self._tell_stats, interval_ms)

    def _hush_stats(self) -> None:
        if self._stats_timer is not None:
            self._stats_timer.cancel()
            self._stats_timer = None

    # --- the end ------------------------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        """The socket is gone; the conversation waits for it to come back, unless it was ended or taken over."""
        if self._session is None or self._port is None or not self._port.detach(self._socket):
            return
        if self._session.closed is None:
            self._session.suspend()
            self._gateway.await_return(self._session)

    def _too_slow(self) -> None:
        reason = CloseReason.SLOW_CLIENT
        words = talk.encode(talk.closing(reason, "Your connection is too slow for the sound that waits for it."))
        self._gateway.metrics.slow_clients.inc()
        # A slow line needs a while to bring even the last words.
        self._socket.finish(reason.close_code, reason.code, words, patience_s=SLOW_PATIENCE_S)
        self._let_go()

    def _refuse(self, refused: Refused) -> None:
        self._gateway.metrics.bad_messages.labels(refused.answer["code"]).inc()
        self._send(refused.answer)
        if refused.close is None:
            return
        self._socket.finish(refused.close.close_code, refused.close.code)
        if self._session is not None:
            session, reason = self._session, refused.close
            self._gateway.soon(lambda: session.close(reason, refused.answer["text"]))

    def _turn_away(self, reason: CloseReason, text: str, retry_after_ms: int | None = None) -> None:
        words = talk.encode(talk.closing(reason, text, retry_after_ms=retry_after_ms))
        self._socket.finish(reason.close_code, reason.code, words)

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.send_text(talk.encode(message))


def _same(expected: str, presented: str) -> bool:
    with contextlib.suppress(TypeError):
        return bool(expected) and secrets.compare_digest(expected.encode(), presented.encode())
    return False
