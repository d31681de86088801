"""Turns and generations as the client counts them.

A graph that takes over from another counts from the beginning again; the client must never see a number come back, because it
drops everything up to the newest cut. Also remembers which reply a generation was, so that reports can name it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stream_talk.audio.playout import ChunkTag

MAX_REPLIES = 64


@dataclass(slots=True)
class _Reply:
    turn_id: int
    request_id: str
    base: int
    last_report: dict[str, Any] | None = None


class Numbering:
    def __init__(self) -> None:
        self._generation_base = 0
        self._turn_base = 0
        self._max_generation = 0
        self._max_turn = 0
        self._replies: OrderedDict[int, _Reply] = OrderedDict()

    def begin_graph(self) -> tuple[int, int]:
        """From now on numbers are those of a new graph. Returns what `return_to` needs, should it not start."""
        before = (self._generation_base, self._turn_base)
        self._generation_base = self._max_generation + 1
        self._turn_base = self._max_turn
        return before

    def return_to(self, before: tuple[int, int]) -> None:
        self._generation_base, self._turn_base = before

    def tag_for_client(self, tag: ChunkTag) -> ChunkTag:
        if self._generation_base or self._turn_base:
            tag = replace(tag, generation=tag.generation + self._generation_base, turn_id=tag.turn_id + self._turn_base)
        self._max_generation = max(self._max_generation, tag.generation)
        self._max_turn = max(self._max_turn, tag.turn_id)
        return tag

    def for_client(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        changed = dict(payload)
        if isinstance(changed.get("generation"), int):
            changed["generation"] += self._generation_base
            self._max_generation = max(self._max_generation, changed["generation"])
        if isinstance(changed.get("turn_id"), int):
            changed["turn_id"] += self._turn_base
            self._max_turn = max(self._max_turn, changed["turn_id"])
        return changed

    def turn_for_graph(self, turn_id: int) -> int:
        return turn_id - self._turn_base

    def reply_started(self, generation: int, turn_id: int, request_id: str) -> None:
        self._replies[generation] = _Reply(turn_id, request_id, self._generation_base)
        while len(self._replies) > MAX_REPLIES:
            self._replies.popitem(last=False)

    def report_for_graph(self, report: Mapping[str, Any]) -> dict[str, Any] | None:
        """The report as the graph knows the reply; None for a reply that was never begun, or of a graph that is gone."""
        reply = self._replies.get(report["generation"])
        if reply is None or reply.base != self._generation_base:
            return None
        reply.last_report = {
            "request_id": reply.request_id,
            "generation": report["generation"] - self._generation_base,
            "turn_id": reply.turn_id - self._turn_base,
            "played_ms": report["played_ms"],
            "buffered_ms": report["buffered_ms"],
            "state": report["state"],
            "client_ts_ms": report.get("client_ts_ms", 0.0),
        }
        return dict(reply.last_report)

    def pause_report(self) -> dict[str, Any] | None:
        """For a client that vanished while playing: what it last said, as a pause."""
        last = next((r.last_report for r in reversed(self._replies.values()) if r.last_report is not None), None)
        if last is None or last["state"] not in ("started", "playing"):
            return None
        return {**last, "state": "paused"}
