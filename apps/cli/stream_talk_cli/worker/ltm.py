"""The ltm worker: turns become facts, older turns become summaries, both searchable."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from stream_talk.memory.database import explained, open_database
from stream_talk.memory.embeddings import Embedder, EmbeddingFailed
from stream_talk.memory.facts import FactFinder, find_facts
from stream_talk.memory.long_term import NewItem, SqliteLongTermStore

from stream_talk_cli.worker.events import StreamEvent

_LOG = logging.getLogger(__name__)


class LtmHandler:
    def __init__(self, path: Path, *, embeddings: Embedder | None = None, finder: FactFinder = find_facts) -> None:
        self._path = path
        self._connection = open_database(path)
        self._embeddings = embeddings
        self._finder = finder
        self._store = SqliteLongTermStore(self._connection, embedding_model=embeddings.model if embeddings else "")

    def handle(self, events: list[StreamEvent]) -> None:
        items = [item for event in events for item in self._items(event)]
        self._embed(items)
        with explained(self._path):
            self._store.add(items)

    def close(self) -> None:
        self._connection.close()

    def _items(self, event: StreamEvent) -> Iterator[NewItem]:
        if event.type == "ltm.summary":
            text = str(event.payload["text"])
            key = f"summary/{event.session_id}"  # one a conversation: a longer one says all that the shorter one said
            yield NewItem("summary", text, event.session_id, event.turn, event.ts_ms, key, replaces=True)
        elif event.type == "ltm.turn":
            said = [str(entry["text"]) for entry in event.payload["entries"] if entry["role"] == "user"]
            for fact in (fact for text in said for fact in self._finder(text)):
                yield NewItem(fact.kind, fact.text, event.session_id, event.turn, event.ts_ms, fact.key)

    def _embed(self, items: list[NewItem]) -> None:
        """Meaning is a bonus: without it, an item is still found by its words."""
        if self._embeddings is None or not items:
            return
        try:
            vectors = self._embeddings.embed([item.text for item in items])
        except EmbeddingFailed as error:
            _LOG.warning("%s; storing without embeddings", error)
            return
        for item, vector in zip(items, vectors, strict=True):
            item.embedding, item.embedding_model = vector, self._embeddings.model
