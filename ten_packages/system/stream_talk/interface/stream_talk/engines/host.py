"""Runs an engine class where its configuration says: inline on the loop, on a thread, or in a worker process.

    host = EngineHost(EngineSpec.of(EspeakEngine, {"voice": "en"}), HostSettings(placement="process"))
    info = await host.load()
    async for chunk in host.stream("speak", request, deadline=Deadline.FIRST_CHUNK): ...

Callers see one interface. A stream may be cancelled from synchronous code (`cancel`); `aclose` also waits until the engine has
let go. Results are handed to the loop that asked, so sessions on different loops may share a host.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from stream_talk.engines.deadline_queue import Deadline, QueueFull
from stream_talk.engines.inline import InlineBackend
from stream_talk.engines.process import EngineCrashed
from stream_talk.engines.remote import ProcessBackend, ThreadBackend
from stream_talk.engines.runner import Job
from stream_talk.engines.spec import EngineSpec
from stream_talk.engines.stream import Backend, EngineStream, HostSettings, HostStats, Placement

__all__ = [
    "Deadline",
    "EngineCrashed",
    "EngineHost",
    "EngineSpec",
    "EngineStream",
    "HostSettings",
    "HostStats",
    "Placement",
    "QueueFull",
]


class EngineHost:
    def __init__(self, spec: EngineSpec, settings: HostSettings | None = None) -> None:
        self.spec = spec
        self.settings = settings or HostSettings()
        self.info: dict[str, Any] = {}
        self._ids = itertools.count(1)
        self._backend: Backend = self._make_backend()

    @property
    def stats(self) -> HostStats:
        return self._backend.stats

    async def load(self) -> dict[str, Any]:
        """Load and warm up, once for all sessions; returns what the engine says of itself. Raises EngineUnavailable."""
        if not self.info:
            self.info = await self.call("load", deadline=Deadline.FIRST_CHUNK)
        return self.info

    async def call(
        self, method: str, *args: Any, deadline: Deadline = Deadline.PARTIAL, lane: str | None = None
    ) -> Any:
        """Result of a plain method. Generators are collected into a list."""
        stream = self.begin(method, *args, deadline=deadline, lane=lane)
        try:
            return await stream.__anext__()
        except asyncio.CancelledError:
            stream.cancel()
            raise

    def begin(
        self, method: str, *args: Any, deadline: Deadline = Deadline.PARTIAL, lane: str | None = None
    ) -> EngineStream:
        """Start a plain method and return at once; the stream has its one result."""
        return self._backend.open(Job(next(self._ids), method, args, False, deadline, lane))

    def stream(
        self, method: str, *args: Any, deadline: Deadline = Deadline.NEXT_CHUNK, lane: str | None = None
    ) -> EngineStream:
        """Results of a generator method, which gets the cancel token as its last argument. Work starts at once."""
        return self._backend.open(Job(next(self._ids), method, args, True, deadline, lane))

    @property
    def direct(self) -> Any:
        """The engine itself where it runs inline and is loaded, for calls too frequent to wrap; otherwise None."""
        return self._backend.direct

    def restart(self) -> None:
        """Give up on an engine that no longer answers. Its jobs fail, the next job starts a new one."""
        self._backend.kill()

    def close(self) -> None:
        self._backend.close()

    def _make_backend(self) -> Backend:
        placement = self.settings.placement
        if placement == "inline":
            return InlineBackend(self.spec)
        if placement == "thread":
            return ThreadBackend(self.spec, self.settings)
        return ProcessBackend(self.spec, self.settings)
