"""A graph host without graphs: for testing client protocols, and as the zero-delay conversation of the load runs.

`LoopbackGraph` remembers the sound it was sent, answers each typed text with a tone of as many milliseconds as the text says
(`"1500"`; 400 otherwise), and keeps the books that a real conversation keeps: generations, cuts, what was heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .graph_host import GraphEvents, GraphFailed
from .testing_stages import LoopbackStage

REPLY_RATE_HZ = 24_000
CHUNK_MS = 20


def tone(duration_ms: int, sample_rate_hz: int = REPLY_RATE_HZ) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A ramp rather than a sine: every sample tells its own position, modulo 2000."""
    return (np.arange(duration_ms * sample_rate_hz // 1000) % 2000 * 8 + 1).astype(np.int16)


class LoopbackGraph:
    def __init__(self, name: str, session_id: str, events: GraphEvents) -> None:
        self.name = name
        self.session_id = session_id
        self.sound: list[tuple[int, bytes]] = []
        self.client_events: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        self.stopped = False
        self._events = events
        self._generation = 0
        self._turn = 0
        self._spoken: dict[int, str] = {}
        self._unanswered = ""

    async def send_audio(self, pcm: bytes, timestamp_ms: int) -> None:
        self.sound.append((timestamp_ms, bytes(pcm)))

    async def send_data(self, name: str, payload: Mapping[str, Any]) -> None:
        if name == "playout_report":
            self._take_report(dict(payload))
            return
        event = dict(payload)
        self.client_events.append(event)
        if event["type"] == "text" and event.get("respond", True):
            self.answer(event["text"])
        elif event["type"] == "text":
            self._unanswered = event["text"]
        elif event["type"] == "create_response":
            self.answer(self._unanswered)
        elif event["type"] in ("stop", "cancel_response"):
            self.control("cut")

    def answer(self, text: str) -> None:
        self._turn += 1
        self._generation += 1
        duration_ms = int(text) if text.isdigit() else 400
        self.say("user_text", text=text, final=True, source="typed", language="en-US")
        self.say("state", state="speaking")
        self._spoken[self._generation] = f"You said {text}."
        self.say(
            "assistant_text",
            delta=f"You said {text}.",
            text=f"You said {text}.",
            final=True,
            **self._reply(),
            reasoning=False,
        )
        self.play(tone(duration_ms).tobytes())
        self.end_reply()

    def say(self, kind: str, **fields: Any) -> None:
        body = {"type": kind, "session_id": self.session_id, "turn_id": self._turn, "ts_ms": 0, **fields}
        self._events.on_graph_data("message", body)

    def play(self, pcm: bytes) -> None:
        step = REPLY_RATE_HZ * CHUNK_MS // 1000 * 2
        metadata = {"session_id": self.session_id, "turn_id": self._turn, **self._reply()}
        for start in range(0, len(pcm), step):
            self._events.on_graph_audio(pcm[start : start + step], REPLY_RATE_HZ, metadata)

    def end_reply(self) -> None:
        self._events.on_graph_data("tts_audio_end", {**self._reply(), "reason": 1})

    def control(self, action: str, **fields: Any) -> None:
        body = {"action": action, "turn_id": self._turn, **self._reply(), **fields}
        self._events.on_graph_data("playout_control", body)

    def _reply(self) -> dict[str, Any]:
        return {"request_id": f"r{self._generation}", "generation": self._generation}

    def _take_report(self, report: dict[str, Any]) -> None:
        self.reports.append(report)
        text = self._spoken.get(report["generation"])
        if report["state"] in ("finished", "dropped") and text is not None:
            del self._spoken[report["generation"]]
            interrupted = report["state"] == "dropped"
            heard = text[: len(text) // 2] if interrupted else text
            self.say(
                "heard", heard_text=heard, unheard_text=text[len(heard) :], interrupted=interrupted, error_bound_ms=0
            )
            self.say("state", state="listening")

    def statistics(self) -> dict[str, Any]:
        node = {"name": "loopback", "addon": "loopback", "handled": len(self.sound), "queue": 0}
        return {"name": self.name, "nodes": [{**node, "queue_max": 0, "dropped": 0}], "edges": []}

    async def stop(self) -> None:
        self.stopped = True


class LoopbackHost:
    """`refuse` makes the next starts fail with that text."""

    def __init__(self) -> None:
        self.graphs: list[LoopbackGraph] = []
        self.stages: list[LoopbackStage] = []
        self.refuse: str | None = None
        self.queue = 0.0

    async def start(self, graph: str, session_id: str, events: GraphEvents, *, greet: bool) -> LoopbackGraph:
        if self.refuse is not None:
            raise GraphFailed(self.refuse)
        running = LoopbackGraph(graph, session_id, events)
        self.graphs = [g for g in self.graphs if not g.stopped]
        self.graphs.append(running)
        return running

    def running_graphs(self) -> int:
        return sum(not graph.stopped for graph in self.graphs)

    async def start_stage(
        self, graph: str, role: str, events: GraphEvents, properties: Mapping[str, Any]
    ) -> LoopbackStage:
        self.stages.append(LoopbackStage(graph, role, events, properties))
        return self.stages[-1]

    def queue_ms(self) -> float:
        return self.queue

    def engines(self) -> dict[str, Any]:
        return {}
