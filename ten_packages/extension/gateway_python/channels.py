"""TEN channels at work: each may hold one conversation, and ends when nobody pings it."""

from __future__ import annotations

import asyncio
from typing import Any

from stream_talk import clock
from stream_talk.wire.talk import CloseReason
from stream_talk.wire.ten_rest import WORKERS_LIMIT, Channel, Channels, Refusal

from .gateway import Gateway
from .session import Session


class ChannelKeeper:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._book = Channels()
        self._sessions: dict[str, Session | None] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def start(self, body: dict[str, Any]) -> None:
        decision = self._gateway.admission()
        if not decision.accepted or len(self._book.listed()) >= self._gateway.config.admission.max_sessions:
            raise Refusal(WORKERS_LIMIT, f"workers limit: {decision.reason}", 429)
        names = [offer.name for offer in self._gateway.catalog if offer.available]
        channel = self._book.start(body, names, self._gateway.config.default_graph, clock.epoch_ms() // 1000)
        self._await_ping(channel)

    def ping(self, body: dict[str, Any]) -> None:
        self._await_ping(self._book.find(body))

    async def stop(self, body: dict[str, Any]) -> None:
        await self._end(self._book.find(body))

    def listed(self) -> list[dict[str, Any]]:
        return self._book.listed()

    def by_port(self, port: int) -> Channel | None:
        return self._book.by_port(port)

    # --- the one conversation of a channel ----------------------------------------------------------------------------

    def occupy(self, channel: Channel) -> bool:
        """False when somebody is already connected."""
        if channel.name in self._sessions:
            return False
        self._sessions[channel.name] = None
        return True

    def joined(self, channel: Channel, session: Session) -> None:
        self._sessions[channel.name] = session

    def leave(self, channel: Channel) -> None:
        self._sessions.pop(channel.name, None)

    def _await_ping(self, channel: Channel) -> None:
        timer = self._timers.pop(channel.name, None)
        if timer is not None:
            timer.cancel()
        if channel.timeout_s is not None:
            loop = asyncio.get_running_loop()
            self._timers[channel.name] = loop.call_later(channel.timeout_s, self._silent, channel)

    def _silent(self, channel: Channel) -> None:
        self._gateway.soon(lambda: self._end(channel))

    async def _end(self, channel: Channel) -> None:
        self._book.remove(channel)
        timer = self._timers.pop(channel.name, None)
        if timer is not None:
            timer.cancel()
        session = self._sessions.pop(channel.name, None)
        if session is not None:
            await session.close(CloseReason.CLIENT, "The channel was stopped.")
