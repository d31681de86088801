"""All conversations of one server: who is let in, who is here, who may come back, and how everybody leaves."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from stream_talk import clock, heap
from stream_talk.wire.talk import CloseReason

from .admission import AtCapacity, Decision, LagWindow, Load, decide
from .catalog import GraphCatalog
from .client_port import ClientPort
from .config import GatewayConfig
from .graph_host import GraphHost
from .metrics import GatewayMetrics
from .session import Session
from .stage_slots import StageSlots
from .telemetry import NoTracer, TurnTracer

LAG_SAMPLE_MS = 250.0
QUIET_S = 5.0  # nobody has talked for so long: a good time to look for garbage
MOST_GARBAGE = 200
logger = logging.getLogger("stream_talk.gateway")


class Gateway:
    def __init__(
        self, config: GatewayConfig, host: GraphHost, catalog: GraphCatalog, tracer: TurnTracer | None = None
    ) -> None:
        self.config = config
        self.host = host
        self.catalog = catalog
        self.sessions: dict[str, Session] = {}
        self.metrics = GatewayMetrics()
        self.tracer = tracer or NoTracer()
        self.also_accepted_tokens: list[Callable[[str], bool]] = []
        """Judges of keys that a protocol hands out itself, beside the configured token."""
        limits = config.admission
        self.stages = StageSlots(host, limits.max_single_requests, self.admission, limits.retry_after_ms)
        self.draining = False
        self._starting = 0
        self._lag = LagWindow()
        self._garbage = 0.0  # as many conversations' worth since the last full collection
        self._tidy_timer: asyncio.TimerHandle | None = None
        self._lag_timer: asyncio.TimerHandle | None = None
        self._returns: dict[str, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._emptied = asyncio.Event()
        self._emptied.set()

    # --- being alive --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._measure_lag(clock.now_ms())

    def _measure_lag(self, expected_ms: float) -> None:
        now_ms = clock.now_ms()
        self._lag.add(now_ms - expected_ms)
        loop = asyncio.get_running_loop()
        self._lag_timer = loop.call_later(LAG_SAMPLE_MS / 1000.0, self._measure_lag, now_ms + LAG_SAMPLE_MS)

    @property
    def loop_lag_ms(self) -> float:
        return self._lag.p95_ms

    def admission(self) -> Decision:
        away = sum(session.is_suspended for session in self.sessions.values())
        load = Load(len(self.sessions), self._starting, self.loop_lag_ms, self.host.queue_ms(), self.draining, away)
        return decide(load, self.config.admission)

    # --- sessions -----------------------------------------------------------------------------------------------------

    async def open_session(
        self,
        port: ClientPort,
        graph: str | None = None,
        hello: Mapping[str, Any] | None = None,
        history: list[dict[str, Any]] | None = None,
    ) -> Session:
        """A new conversation for `port`. Raises `AtCapacity`, `UnknownGraph` or `GraphFailed`."""
        name = self.catalog.require(graph or self.config.default_graph).name
        decision = self.admission()
        if not decision.accepted:
            self.metrics.refused.labels("at_capacity").inc()
            raise AtCapacity(decision)
        session = Session(f"s_{secrets.token_urlsafe(12)}", port, self.host, self, self.config.idle_timeout_ms)
        self.sessions[session.id] = session
        self._emptied.clear()
        self._starting += 1
        try:
            await session.start(name, hello or {}, history)
        except BaseException:
            self._forget(session)
            raise
        finally:
            self._starting -= 1
        self.metrics.opened.labels(port.traits.protocol).inc()
        logger.info(
            "session opened: %s, graph %s", port.traits.protocol, name, extra={"correlationId": session.correlation_id}
        )
        return session

    def statistics_of(self, session: Session) -> dict[str, Any]:
        """The `stats` of docs/protocols.md 1.9."""
        body = session.statistics()
        body["session"]["send_queue_bytes"] = getattr(session.port, "queued_bytes", 0)
        body["session"]["loop_lag_ms"] = round(self.loop_lag_ms, 2)
        return {"server_ts_ms": clock.epoch_ms(), **body}

    def turn_ended(self, session: Session, trace: Mapping[str, Any]) -> None:
        """Called by the session with the trace of each turn."""
        # It leaves far less than a conversation does; and where many talk at once, a collection takes longer and turns end all the time.
        self._note_garbage(1.0 / (1 + len(self.sessions)))
        self.metrics.turns.inc()
        ttfa_ms = trace.get("ttfa_ms")
        if isinstance(ttfa_ms, (int, float)):
            self.metrics.ttfa_ms.observe(ttfa_ms)
        self.tracer.record(session.correlation_id, trace)

    def session_closed(self, session: Session) -> None:
        """Called by the session, once."""
        self.metrics.closed.labels(session.closed.code if session.closed else "unknown").inc()
        self._forget(session)

    def _forget(self, session: Session) -> None:
        self.keep(session)
        self.sessions.pop(session.id, None)
        if not self.sessions:
            self._emptied.set()
            if self._tidy_timer is not None:
                self._tidy_timer.cancel()
            self._tidy_timer = asyncio.get_running_loop().call_later(QUIET_S, self._tidy)
        self._note_garbage(1.0)

    def _note_garbage(self, conversations: float) -> None:
        """Conversations leave a little behind that only a full collection finds."""
        self._garbage += conversations
        if self._garbage >= MOST_GARBAGE:
            self._tidy()

    def _tidy(self) -> None:
        self._garbage = 0.0
        heap.tidy()

    # --- a client that may come back ----------------------------------------------------------------------------------

    def await_return(self, session: Session) -> None:
        """End `session` unless its client returns within the window."""
        loop = asyncio.get_running_loop()
        window_s = self.config.resume_window_ms / 1000.0
        self._returns[session.id] = loop.call_later(window_s, self._gone_for_good, session)

    def keep(self, session: Session) -> None:
        timer = self._returns.pop(session.id, None)
        if timer is not None:
            timer.cancel()

    def _gone_for_good(self, session: Session) -> None:
        self._returns.pop(session.id, None)
        self.soon(lambda: session.close(CloseReason.VANISHED, "The client did not come back."))

    def soon(self, make: Callable[[], Any]) -> None:
        """Run a coroutine that nobody waits for; its failure is logged."""
        task = asyncio.get_running_loop().create_task(make())
        self._background.add(task)
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("background task failed", exc_info=task.exception())

    # --- leaving ------------------------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take nobody new, let sentences end, then close the rest with a reason."""
        self.draining = True
        deadline_ms = clock.now_ms() + self.config.drain_timeout_ms
        await asyncio.gather(*(self._let_finish(session, deadline_ms) for session in list(self.sessions.values())))
        await self._settle()

    async def _let_finish(self, session: Session, deadline_ms: float) -> None:
        await session.quiet(deadline_ms - clock.now_ms())
        await session.close(CloseReason.DRAINING, "The server is shutting down.")

    async def _settle(self) -> None:
        try:
            await asyncio.wait_for(self._emptied.wait(), 5.0)
        except asyncio.TimeoutError:
            logger.warning("%d sessions did not close in time", len(self.sessions))

    async def end(self) -> None:
        for timer in (self._lag_timer, self._tidy_timer):
            if timer is not None:
                timer.cancel()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
