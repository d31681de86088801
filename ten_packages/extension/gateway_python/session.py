"""One conversation: a client port on one side, a running graph on the other, the reply's sound held and paced in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from stream_talk import clock
from stream_talk.audio.playout import ChunkTag
from stream_talk.audio.resample import StreamResampler
from stream_talk.wire.talk import CloseReason

from .client_port import ClientPort
from .graph_ears import GraphEars
from .graph_host import GraphFailed, GraphHost, RunningGraph
from .graph_picture import BusyTime
from .history import HistoryLog
from .idle_watch import IdleWatch
from .numbering import Numbering
from .output import ReplyOutput

INPUT_RATE_HZ = 16_000
GRAPH_FAILED = "ten:graph_failed"  # the embedded runtime's word to whoever started a graph
_ACTIVE_STATES = ("hearing", "thinking", "speaking")
_BUSY_STATES = ("thinking", "speaking")
logger = logging.getLogger("stream_talk.gateway")


@dataclass(slots=True)
class SessionCounters:
    audio_in_ms: float = 0.0
    turns: int = 0
    stale_audio_frames: int = 0


class SessionOwner(Protocol):
    """Who wants to know how a conversation goes."""

    def turn_ended(self, session: Session, trace: Mapping[str, Any]) -> None: ...

    def session_closed(self, session: Session) -> None: ...


class Session:
    """Calls of the client side are coroutines, so that a client feels the graph's back-pressure; `stop_sound` acts at once."""

    def __init__(
        self,
        session_id: str,
        port: ClientPort,
        host: GraphHost,
        owner: SessionOwner,
        idle_timeout_ms: float,
    ) -> None:
        self.id = session_id
        self.conversation_id = session_id
        self.port = port
        self.graph: RunningGraph | None = None
        self.history = HistoryLog()
        self.counters = SessionCounters()
        self.started_ms = clock.now_ms()
        self.closed: CloseReason | None = None
        self.output = ReplyOutput(port.traits, self._reply_ended)
        self._host = host
        self._owner = owner
        self._idle = IdleWatch(idle_timeout_ms, self._grown_idle)
        self._resampler = StreamResampler(port.traits.input_rate_hz, INPUT_RATE_HZ)
        self._numbers = Numbering()
        self._hello: dict[str, Any] = {"type": "hello"}
        self._settings: dict[str, Any] = {}
        self._muted = False
        self._turn_id = 0
        self._graph_names_generations = False
        self._epoch = 0
        self._failure = ""
        self._pump_timer: asyncio.TimerHandle | None = None
        self._busy = BusyTime()
        self._sends: set[asyncio.Task[None]] = set()
        self._switching = asyncio.Lock()
        self._state = "idle"
        self._suspended = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    # --- life ---------------------------------------------------------------------------------------------------------

    async def start(self, graph: str, hello: Mapping[str, Any], history: list[dict[str, Any]] | None = None) -> None:
        """Raises `GraphFailed`."""
        self.conversation_id = str(hello.get("conversation") or self.id)
        self._hello = {"type": "hello", **{key: value for key, value in hello.items() if key != "conversation"}}
        self.history.replace(history or [])
        started = await self._start_graph(graph)
        if self.closed is not None:
            await started.stop()
            raise GraphFailed(self._failure or "the conversation was ended while it began")
        self.graph = started
        self._idle.begin()

    async def _start_graph(self, graph: str) -> RunningGraph:
        self._epoch += 1
        said = self.history.messages()
        running = await self._host.start(
            graph, self.conversation_id, GraphEars(self, self._epoch), greet=not said and self.port.traits.is_greeted
        )
        settings = {**self._hello.get("settings", {}), **self._settings}
        if said:
            await running.send_data("client_event", {"type": "history", "messages": said})
        await running.send_data("client_event", {**self._hello, "settings": settings})
        return running

    @property
    def graph_name(self) -> str:
        return self.graph.name if self.graph is not None else ""

    @property
    def is_switching(self) -> bool:
        return self._switching.locked()

    async def switch_graph(self, graph: str) -> None:
        """Go on with the same history in another graph. The old one stays when the new one cannot start."""
        async with self._switching:
            if self.closed is not None:
                return
            self._tell({"type": "graph", "name": graph, "state": "switching"})
            old, before = self.graph, (self._epoch, self._numbers.begin_graph())
            self.stop_sound()
            self._graph_names_generations = False
            try:
                started = await self._start_graph(graph)
            except GraphFailed as failure:
                self._epoch = before[0]
                self._numbers.return_to(before[1])
                self._tell({"type": "graph", "name": graph, "state": "failed", "reason": str(failure)})
                return
            if self.closed is not None:
                await started.stop()
                return
            self.graph = started
            self._tell({"type": "graph", "name": graph, "state": "running"})
            if old is not None:
                await old.stop()

    async def close(self, reason: CloseReason, text: str = "") -> None:
        """Idempotent. The port hears of it once."""
        if self.closed is not None:
            return
        self.closed = reason
        if self._pump_timer is not None:
            self._pump_timer.cancel()
        self._idle.end()
        self.port.on_closed(reason, text)
        self._owner.session_closed(self)
        graph, self.graph = self.graph, None
        if graph is not None:
            await graph.send_data("client_event", {"type": "bye"})
            await graph.stop()
        logger.info("session closed: %s", reason.code, extra={"correlationId": self.correlation_id})

    @property
    def epoch(self) -> int:
        """Counts the graphs; of an older one nothing is heard any more."""
        return self._epoch

    @property
    def state(self) -> str:
        """The newest `state` that the conversation told."""
        return self._state

    @property
    def correlation_id(self) -> str:
        return f"{self.id}#{self._turn_id}"

    # --- what the client does -----------------------------------------------------------------------------------------

    async def send_audio(self, pcm: bytes, media_ms: float) -> None:
        """Microphone at the port's input rate, mono s16le. `media_ms` is the time of its first sample since the first of all."""
        if self.graph is None or self._muted:
            return
        if self.port.traits.input_rate_hz != INPUT_RATE_HZ:
            pcm = self._resampler.process(np.frombuffer(pcm, dtype=np.int16)).tobytes()
        self.counters.audio_in_ms += len(pcm) / 2 * 1000 / INPUT_RATE_HZ
        await self.graph.send_audio(pcm, int(media_ms))

    async def send_event(self, event: dict[str, Any]) -> None:
        """A `client_event` of docs/messages.md, already checked."""
        self._idle.touch()
        kind = event["type"]
        if kind in ("stop", "cancel_response"):
            self.stop_sound()
        elif kind == "mute":
            self._muted = bool(event["on"])
        elif kind == "clear":
            self.history.clear()
        elif kind == "history":
            self.history.replace(event["messages"])
        elif kind == "settings":
            self._settings.update({k: v for k, v in event.items() if k != "type"})
        elif kind == "truncate":
            event = {**event, "turn_id": self._numbers.turn_for_graph(event["turn_id"])}
        if self.graph is not None:
            await self.graph.send_data("client_event", event)

    async def report_playout(self, report: Mapping[str, Any]) -> None:
        """`playout_report` of a client that plays by itself, in the client's numbering."""
        self._idle.touch()
        known = self._numbers.report_for_graph(report)
        if known is not None and self.graph is not None:
            await self.graph.send_data("playout_report", known)

    def stop_sound(self) -> None:
        """Silence in this very iteration of the loop; the conversation hears of it afterwards."""
        generation = self.output.newest_generation
        if generation >= 0:
            self._cut(generation, {"action": "cut", "generation": generation, "turn_id": self._turn_id})

    @property
    def is_suspended(self) -> bool:
        """The client has gone and may come back."""
        return self._suspended

    def suspend(self) -> None:
        """The client is gone for a moment: its reply waits."""
        self.output.suspend(clock.now_ms())
        self._suspended = True
        self._note_quiet()
        report = self._numbers.pause_report()
        if report is not None:
            self._send_soon("playout_report", report)

    def resume(self) -> None:
        self._idle.touch()
        self._suspended = False
        self.output.resume(clock.now_ms())
        self._pump()

    # --- what the graph says ------------------------------------------------------------------------------------------

    def take_graph_audio(self, pcm: bytes, sample_rate_hz: int, metadata: Mapping[str, Any]) -> None:
        tag = self._numbers.tag_for_client(ChunkTag.from_metadata(dict(metadata)))
        is_behind_others = self.output.next_due_ms() is not None
        if not self.output.push(pcm, sample_rate_hz, tag):
            self.counters.stale_audio_frames += 1
        if not is_behind_others:
            self._pump()

    def take_graph_data(self, name: str, payload: Mapping[str, Any]) -> None:
        if name == "message":
            self._take_message(self._numbers.for_client(payload))
        elif name == "playout_control":
            self._take_control(self._numbers.for_client(payload))
        elif name == GRAPH_FAILED:
            self._fail(str(payload.get("detail", "no reason was given")))
        elif name == "tts_audio_end":
            self.output.end_request(str(payload.get("request_id", "")))
            self._pump()
            if self.port.traits.wants_synthesis_end:
                total_ms = payload.get("request_total_audio_duration_ms", 0)
                self._tell({"type": "synthesis_end", "request_id": payload.get("request_id", ""), "total_ms": total_ms})

    def _fail(self, detail: str) -> None:
        """The runtime ended the graph after an error in one of its nodes."""
        self._failure = f"The graph of this conversation failed: {detail}"
        logger.error("graph failed: %s", detail, extra={"correlationId": self.correlation_id})
        self._run_soon(self.close(CloseReason.GRAPH_FAILED, self._failure))

    def take_graph_cmd(self, name: str, payload: Mapping[str, Any]) -> None:
        """TEN's own control extensions say `flush` where ours says exactly which generation is dead."""
        if name == "flush" and not self._graph_names_generations:
            self.stop_sound()

    def _take_message(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind == "state":
            self._state = str(message.get("state"))
            if self._state in _ACTIVE_STATES:
                self._idle.touch()
            self._note_quiet()
        elif kind == "turn":
            self.counters.turns += 1
            self._busy.add(message.get("trace") or {})
            self._owner.turn_ended(self, message.get("trace") or {})
        self._turn_id = int(message.get("turn_id") or self._turn_id)
        self.history.follow(message)
        self._tell(message)

    def _take_control(self, control: Mapping[str, Any]) -> None:
        self._graph_names_generations = True
        action, generation = str(control.get("action")), int(control.get("generation", -1))
        if action == "cut":
            self._cut(generation, control)
            return
        self.output.control(action, generation, control, clock.now_ms())
        if action != "release":
            self.port.on_control(action, generation, control)
        self._pump()

    def _cut(self, generation: int, control: Mapping[str, Any]) -> None:
        self.port.on_control("cut", generation, control)
        self.output.cut(generation, clock.now_ms())
        self._pump()

    # --- the reply's sound --------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Send what is due, and come back when more will be."""
        if self.closed is not None:
            return
        now_ms = clock.now_ms()
        for frame in self.output.due(now_ms):
            if frame.is_first:
                self._numbers.reply_started(frame.generation, frame.turn_id, frame.request_id)
                reply = {"request_id": frame.request_id, "turn_id": frame.turn_id, "generation": frame.generation}
                self._tell({"type": "audio_start", **reply})
            self.port.on_audio(frame)
        self.output.settle(now_ms)
        for report in self.output.take_reports(now_ms):
            self._idle.touch()
            known = self._numbers.report_for_graph(report)
            if known is not None:
                self._send_soon("playout_report", known)
        self._schedule_pump(now_ms)
        self._note_quiet()

    def _schedule_pump(self, now_ms: float) -> None:
        if self._pump_timer is not None:
            self._pump_timer.cancel()
            self._pump_timer = None
        times = [t for t in (self.output.next_due_ms(), self.output.next_report_ms()) if t is not None]
        if times:
            delay_ms = max(0.5, min(times) - now_ms)
            self._pump_timer = asyncio.get_running_loop().call_later(delay_ms / 1000.0, self._pump)

    def _reply_ended(self, request_id: str, generation: int, turn_id: int, total_ms: float, reason: str) -> None:
        reply = {"request_id": request_id, "turn_id": turn_id, "generation": generation}
        self._tell({"type": "audio_end", **reply, "total_ms": round(total_ms), "reason": reason})

    def _note_quiet(self) -> None:
        busy = self._state in _BUSY_STATES or not self.output.is_idle
        if self._suspended or not busy:
            self._quiet.set()
        else:
            self._quiet.clear()

    async def quiet(self, timeout_ms: float) -> None:
        """Return when the reply in progress has ended, or nobody listens to it, or after `timeout_ms`."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), max(0.0, timeout_ms) / 1000.0)

    # --- small things -------------------------------------------------------------------------------------------------

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self.closed is None:
            self.port.on_message(message)

    def _send_soon(self, name: str, payload: dict[str, Any]) -> None:
        """From a callback, where nothing can be awaited."""
        if self.graph is not None:
            self._run_soon(self.graph.send_data(name, payload))

    def _run_soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    def _grown_idle(self) -> None:
        self._run_soon(self.close(CloseReason.IDLE, "Nothing happened for a while."))

    def statistics(self) -> dict[str, Any]:
        graph = self.graph.statistics() if self.graph is not None else {"name": None, "nodes": [], "edges": []}
        nodes = [{**node, "busy_ms": self._busy.of(node["name"])} for node in graph["nodes"]]
        rate_hz = self.port.traits.output_rate_hz
        session = {
            "protocol": self.port.traits.protocol,
            "age_ms": round(clock.now_ms() - self.started_ms),
            "turns": self.counters.turns,
            "audio_in_ms": round(self.counters.audio_in_ms),
            "audio_out_ms": round(self.output.audio_out_samples * 1000 / rate_hz),
            "held_audio_ms": round(self.output.held_ms),
        }
        return {"graph": {**graph, "nodes": nodes}, "session": session}
