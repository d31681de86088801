"""What memory does, without TEN: functions of a connection, run on the memory service's thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any

from stream_talk import clock
from stream_talk.memory import conversations
from stream_talk.memory.conversations import Entry, Event, History
from stream_talk.memory.database import transaction
from stream_talk.memory.embeddings import EmbeddingEndpoint, EmbeddingFailed
from stream_talk.memory.facts import find_facts
from stream_talk.memory.long_term import Item, NewItem, SqliteLongTermStore
from stream_talk.memory.service import MemoryService
from stream_talk.memory.summary import extend_summary

from .config import MemoryConfig

_DAY_MS = 24 * 3600 * 1000


class Memory:
    """One session's view of the memory file."""

    def __init__(self, config: MemoryConfig, service: MemoryService) -> None:
        self._config = config
        self._service = service
        settings = config.embeddings
        self._embeddings = (
            EmbeddingEndpoint(settings.base_url, settings.model, settings.api_key) if settings.base_url else None
        )
        # Its vector matrix lives on the service's thread, made at the first search.
        self._store: SqliteLongTermStore | None = None

    async def tidy(self) -> int:
        """Apply the retention setting; returns how many conversations were forgotten."""
        if not self._config.retention_days:
            return 0
        before_ms = clock.epoch_ms() - self._config.retention_days * _DAY_MS
        return await self._service.run(lambda c: conversations.delete_older_than(c, before_ms))

    async def load(self, session_id: str, *, max_turns: int, max_tokens: int) -> History:
        return await self._service.run(
            lambda c: conversations.load_history(c, session_id, max_turns=max_turns, max_tokens=max_tokens)
        )

    async def append(self, session_id: str, turn: int, entries: Sequence[Entry], events: Sequence[Event]) -> None:
        """On disk when this returns. Facts and the summary follow on their own."""
        told = [*events, *self._turn_events(session_id, turn, entries)] if self._config.events_for else []
        await self._service.run(lambda c: conversations.append_turn(c, session_id, turn, entries, told))

    def _turn_events(self, session_id: str, turn: int, entries: Sequence[Entry]) -> list[Event]:
        said = [{"role": entry.role, "text": entry.remembered, "interrupted": entry.interrupted} for entry in entries]
        if self._config.long_term != "worker":
            return []
        return [Event("ltm.turn", {"entries": said}, f"{session_id}#{turn}/ltm")]

    async def digest(self, session_id: str, turn: int, entries: Sequence[Entry]) -> None:
        """After a turn: remember its facts, and bring the summary up to date. Nobody waits for this."""
        if self._config.long_term == "inline":
            await self._remember_facts(session_id, turn, entries)
        if self._config.summary_tokens:
            await self._service.run(lambda c: self._summarise(c, session_id))

    async def _remember_facts(self, session_id: str, turn: int, entries: Sequence[Entry]) -> None:
        facts = [(entry, fact) for entry in entries if entry.role == "user" for fact in find_facts(entry.remembered)]
        if not facts:
            return
        vectors = await self._embed([fact.text for _, fact in facts], timeout_ms=None)
        items = [
            NewItem(fact.kind, fact.text, session_id, turn, entry.ts_ms, f"fact/{fact.text}", vector, self._model)
            for (entry, fact), vector in zip(facts, vectors or [None] * len(facts), strict=True)
        ]
        await self._service.run(lambda c: self._store_on(c).add(items))

    def _summarise(self, connection: sqlite3.Connection, session_id: str) -> None:
        summary, entries, through = conversations.turns_to_summarise(
            connection, session_id, keep_turns=self._config.keep_turns
        )
        if not entries:
            return
        longer = extend_summary(summary, entries, max_tokens=self._config.summary_tokens)
        told = []
        if self._config.events_for and self._config.long_term == "worker":
            told = [Event("ltm.summary", {"text": longer}, f"{session_id}/summary/{through}")]
        with transaction(connection):
            conversations.save_summary(connection, session_id, longer, through)
            conversations.add_events(connection, session_id, through, told, clock.epoch_ms())

    async def search(self, query: str, *, budget_ms: float) -> list[Item]:
        """What is remembered about this, within the budget: words always, meaning when the endpoint is quick enough."""
        vectors = await self._embed([query], timeout_ms=budget_ms / 2)
        vector = vectors[0] if vectors else None
        return await self._service.run(
            lambda c: self._store_on(c).search(query, limit=self._config.search_limit, embedding=vector)
        )

    async def clear(self, session_id: str) -> bool:
        return await self._service.run(lambda c: conversations.delete_conversation(c, session_id))

    @property
    def _model(self) -> str:
        return self._embeddings.model if self._embeddings else ""

    def _store_on(self, connection: sqlite3.Connection) -> SqliteLongTermStore:
        if self._store is None or not self._store.is_on(connection):
            self._store = SqliteLongTermStore(connection, embedding_model=self._model)
        return self._store

    async def _embed(self, texts: Sequence[str], *, timeout_ms: float | None) -> list[list[float]] | None:
        if self._embeddings is None:
            return None
        timeout_s = None if timeout_ms is None else timeout_ms / 1000
        try:
            with clock.real_work():
                return await asyncio.wait_for(asyncio.to_thread(self._embeddings.embed, texts), timeout_s)
        except (EmbeddingFailed, asyncio.TimeoutError):
            return None


def entries_from(tree: Sequence[dict[str, Any]]) -> list[Entry]:
    """Entries as they travel in `memory_append`."""
    return [
        Entry(
            role=str(raw["role"]),
            text=str(raw.get("text", "")),
            ts_ms=int(raw.get("ts_ms") or clock.epoch_ms()),
            heard_text=raw.get("heard_text"),
            interrupted=bool(raw.get("interrupted", False)),
        )
        for raw in tree
    ]


def events_from(tree: Sequence[dict[str, Any]]) -> list[Event]:
    return [Event(str(raw["type"]), dict(raw.get("payload") or {}), str(raw["idempotency_key"])) for raw in tree]
