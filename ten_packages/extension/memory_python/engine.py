"""What memory does, without TEN: functions of a connection, run on the memory service's thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from stream_talk import clock
from stream_talk.memory import conversations
from stream_talk.memory.conversations import Entry, Event, History
from stream_talk.memory.database import transaction
from stream_talk.memory.facts import find_facts
from stream_talk.memory.long_term import Item, NewItem, SqliteLongTermStore
from stream_talk.memory.service import MemoryService
from stream_talk.memory.summary import extend_summary

from .config import MemoryConfig
from .meaning import Meaning

_DAY_MS = 24 * 3600 * 1000
_EMBEDDED_PER_TURN = 64


class Memory:
    """One session's view of the memory file."""

    def __init__(self, config: MemoryConfig, service: MemoryService, report: Callable[[str], None]) -> None:
        self._config = config
        self._service = service
        self._meaning = Meaning(config.embeddings, report)
        # Its vector matrix lives on the service's thread, made at the first search.
        self._store: SqliteLongTermStore | None = None
        self._late: asyncio.Task[list[Item]] | None = None

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
            await self._embed_facts()
        if self._config.summary_tokens:
            await self._service.run(lambda c: self._summarise(c, session_id))

    async def _remember_facts(self, session_id: str, turn: int, entries: Sequence[Entry]) -> None:
        facts = [(entry, fact) for entry in entries if entry.role == "user" for fact in find_facts(entry.remembered)]
        if not facts:
            return
        items = [NewItem(fact.kind, fact.text, session_id, turn, entry.ts_ms, fact.key) for entry, fact in facts]
        await self._service.run(lambda c: self._store_on(c).add(items))

    async def _embed_facts(self) -> None:
        """New facts, corrected ones, and those from before there was a model or while it was away."""
        if not self._meaning.exists:
            return
        items = await self._service.run(lambda c: self._store_on(c).without_embedding(limit=_EMBEDDED_PER_TURN))
        vectors = await self._meaning.embed([item.text for item in items])
        if vectors is not None:
            await self._service.run(lambda c: self._store_on(c).embed(list(zip(items, vectors, strict=True))))

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
        """What is remembered about this: by words always, by meaning when that is known within half of the budget. A late meaning
        serves the next search."""
        embedding = asyncio.ensure_future(self._meaning.embed([query]))
        with clock.real_work():
            await asyncio.wait({embedding}, timeout=budget_ms / 2000)
        late = self._arrived()
        if embedding.done():
            found = await self._find(query, embedding.result())
        else:
            found = await self._find(query, None)
            self._late = asyncio.ensure_future(self._find_late(query, embedding))
        merged = {item.id: item for item in [*found, *late]}
        return list(merged.values())[: self._config.search_limit]

    def _arrived(self) -> list[Item]:
        """What a search before this one found too late."""
        task, self._late = self._late, None
        if task is None:
            return []
        if not task.done():
            task.cancel()
            return []
        return [] if task.cancelled() or task.exception() else task.result()

    async def _find_late(self, query: str, embedding: asyncio.Future[list[list[float]] | None]) -> list[Item]:
        vectors = await embedding
        return await self._find(query, vectors) if vectors else []

    async def _find(self, query: str, vectors: list[list[float]] | None) -> list[Item]:
        vector = vectors[0] if vectors else None
        return await self._service.run(
            lambda c: self._store_on(c).search(query, limit=self._config.search_limit, embedding=vector)
        )

    async def clear(self, session_id: str) -> bool:
        return await self._service.run(lambda c: conversations.delete_conversation(c, session_id))

    def _store_on(self, connection: sqlite3.Connection) -> SqliteLongTermStore:
        if self._store is None or not self._store.is_on(connection):
            self._store = SqliteLongTermStore(connection, embedding_model=self._meaning.model)
        return self._store

    def close(self) -> None:
        self._arrived()
        self._meaning.close()


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
