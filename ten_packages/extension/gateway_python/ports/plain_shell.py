"""The socket of a protocol without resume: one line, one conversation, both end together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.websockets import WebSocket
from stream_talk import clock
from stream_talk.wire.limits import TokenBucket
from stream_talk.wire.talk import CloseReason

from ..admission import AtCapacity
from ..catalog import UnknownGraph
from ..client_port import ClientPort
from ..client_socket import ClientSocket
from ..gateway import Gateway
from ..graph_host import GraphFailed
from ..session import Session

CLOSE_TRY_AGAIN, CLOSE_POLICY, CLOSE_INTERNAL = 1013, 1008, 1011
logger = logging.getLogger("stream_talk.gateway")
AUDIO_RATE = 1.5
AUDIO_BURST_S = 10.0
MESSAGES_PER_S, MESSAGE_BURST = 120.0, 400.0


class PlainShell:
    """Subclasses make the port, and handle what arrives."""

    audio_burst_s = AUDIO_BURST_S

    def __init__(self, gateway: Gateway, websocket: WebSocket) -> None:
        self.gateway = gateway
        self.socket = ClientSocket(websocket, gateway.config.send_buffer_bytes, self._too_slow)
        self.session: Session | None = None
        self.on_begun: Callable[[Session], None] | None = None
        self._messages = TokenBucket(MESSAGES_PER_S, MESSAGE_BURST)
        self._audio: TokenBucket | None = None
        self._heard_samples = 0

    def make_port(self) -> ClientPort:
        raise NotImplementedError

    async def handle(self, data: str | bytes) -> None:
        raise NotImplementedError

    def hello(self) -> Mapping[str, Any]:
        """What the conversation is told first."""
        return {}

    def cannot_begin(self, text: str) -> str | None:
        """Last words when there is no conversation to be had; None where the protocol has none."""
        return None

    async def run(self, graph: str | None = None) -> None:
        writer = asyncio.get_running_loop().create_task(self.socket.run_writer())
        try:
            if await self._begin(graph):
                await self._converse()
        finally:
            if self.session is not None:
                await self.session.close(CloseReason.CLIENT, "")
            await self.socket.wait_closed(writer)

    async def _begin(self, graph: str | None) -> bool:
        port = self.make_port()
        try:
            self.session = await self.gateway.open_session(port, graph, self.hello())
        except AtCapacity as full:
            self.socket.finish(CLOSE_TRY_AGAIN, "at capacity, try again", self.cannot_begin(str(full)))
        except (UnknownGraph, GraphFailed) as failure:
            self.socket.finish(CLOSE_INTERNAL, "the conversation cannot start", self.cannot_begin(str(failure)))
        except Exception:
            logger.exception("a conversation could not be opened")
            self.socket.finish(
                CLOSE_INTERNAL, "something went wrong inside the server", self.cannot_begin("internal error")
            )
        else:
            if self.on_begun is not None:
                self.on_begun(self.session)
            rate_hz = port.traits.input_rate_hz
            self._audio = TokenBucket(rate_hz * AUDIO_RATE, rate_hz * self.audio_burst_s)
            return True
        return False

    async def _converse(self) -> None:
        while True:
            data = await self.socket.receive()
            if data is None:
                return
            if self.socket.is_finished:
                continue
            if not self._messages.take(1, clock.now_ms()):
                self.socket.finish(CLOSE_POLICY, "too many messages")
                continue
            await self.handle(data)

    async def hear(self, pcm: bytes) -> bool:
        """Microphone sound without a media time: counted from the first sample. False when it was dropped, being too much."""
        assert self.session is not None and self._audio is not None
        samples = len(pcm) // 2
        if not samples:
            return True
        if not self._audio.take(samples, clock.now_ms()):
            return False
        media_ms = self._heard_samples * 1000 / self.session.port.traits.input_rate_hz
        self._heard_samples += samples
        await self.session.send_audio(pcm, media_ms)
        return True

    def _too_slow(self) -> None:
        self.gateway.metrics.slow_clients.inc()
        self.socket.finish(CLOSE_TRY_AGAIN, "your connection is too slow")
        if self.session is not None:
            session = self.session
            self.gateway.soon(lambda: session.close(CloseReason.SLOW_CLIENT, ""))
