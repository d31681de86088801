"""Long-term memory: short statements worth keeping, found again by their words and, when there are embeddings, by meaning.

`LongTermStore` is the whole interface; another store (pgvector, Qdrant) needs these methods and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stream_talk.memory.database import scrub, transaction
from stream_talk.memory.vectors import VectorIndex, pack, signs_of, vector_index
from stream_talk.memory.words import index_words, query_words

# How far down each ranking we look when the two are merged, and the constant of reciprocal rank fusion.
_CANDIDATES = 40
_FUSION = 60.0
_ENOUGH = 5
_RANKED_ROWS = 20_000


@dataclass(slots=True)
class Item:
    id: int
    kind: str
    text: str
    session_id: str
    created_at_ms: int
    score: float = 0.0


@dataclass(slots=True)
class NewItem:
    kind: str
    text: str
    session_id: str
    turn: int
    created_at_ms: int
    idempotency_key: str
    embedding: Sequence[float] | None = None
    embedding_model: str = ""
    replaces: bool = False  # an older one (by turn) with the same key, instead of yielding to it


class LongTermStore(Protocol):
    def add(self, items: Sequence[NewItem]) -> int: ...

    def without_embedding(self, *, limit: int) -> list[Item]: ...

    def embed(self, vectors: Sequence[tuple[Item, Sequence[float]]]) -> None: ...

    def search(self, text: str, *, limit: int, embedding: Sequence[float] | None = None) -> list[Item]: ...

    def list(self, *, limit: int, query: str = "") -> list[Item]: ...

    def correct(self, item_id: int, text: str, now_ms: int) -> bool: ...

    def delete(self, item_id: int) -> bool: ...


def _item(row: sqlite3.Row, score: float = 0.0) -> Item:
    return Item(row["id"], row["kind"], row["text"], row["session_id"], row["created_at"], score)


class SqliteLongTermStore:
    """Items in the memory file: FTS5 for words, a vector search when items carry embeddings of `embedding_model`."""

    def __init__(
        self, connection: sqlite3.Connection, *, embedding_model: str = "", vectors: VectorIndex | None = None
    ) -> None:
        self._connection = connection
        self._model = embedding_model
        self._vectors = vectors or (vector_index(connection, embedding_model) if embedding_model else None)

    def is_on(self, connection: sqlite3.Connection) -> bool:
        return self._connection is connection

    def add(self, items: Sequence[NewItem]) -> int:
        with transaction(self._connection):
            return sum(self._add(item) for item in items)

    def _add(self, item: NewItem) -> int:
        conflict = "DO NOTHING"
        if item.replaces:
            conflict = (
                "DO UPDATE SET text = excluded.text, turn = excluded.turn, updated_at = excluded.updated_at,"
                " embedding = NULL WHERE excluded.turn > items.turn"
            )
        changed = self._connection.execute(
            "INSERT INTO items (kind, text, session_id, turn, created_at, updated_at, idempotency_key)"
            f" VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) {conflict}",
            (item.kind, item.text, item.session_id, item.turn, item.created_at_ms, item.created_at_ms, item.idempotency_key),
        ).rowcount  # fmt: skip
        if not changed:
            return 0
        row = self._connection.execute(
            "SELECT id FROM items WHERE idempotency_key = ?", (item.idempotency_key,)
        ).fetchone()
        self._connection.execute("DELETE FROM item_signs WHERE item_id = ?", (row["id"],))
        self._index(row["id"], item.text)
        if item.embedding is not None:
            self._embed(row["id"], item.embedding, item.embedding_model)
        return 1

    def _embed(self, item_id: int, embedding: Sequence[float], model: str) -> None:
        packed = pack(embedding)
        self._connection.execute(
            "UPDATE items SET embedding = ?, embedding_model = ? WHERE id = ?", (packed, model, item_id)
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO item_signs (item_id, model, signs) VALUES (?, ?, ?)",
            (item_id, model, signs_of(packed)),
        )

    def without_embedding(self, *, limit: int) -> list[Item]:
        """Items that the model has not seen: corrected since, or older than the model."""
        rows = self._connection.execute(
            "SELECT * FROM items WHERE embedding IS NULL OR embedding_model != ? ORDER BY id DESC LIMIT ?",
            (self._model, limit),
        )
        return [_item(row) for row in rows]

    def embed(self, vectors: Sequence[tuple[Item, Sequence[float]]]) -> None:
        """Give items their embeddings, unless their text has changed meanwhile."""
        with transaction(self._connection):
            for item, vector in vectors:
                row = self._connection.execute("SELECT text FROM items WHERE id = ?", (item.id,)).fetchone()
                if row is not None and row["text"] == item.text:
                    self._embed(item.id, vector, self._model)

    def _index(self, item_id: int, text: str) -> None:
        self._connection.execute("DELETE FROM items_words WHERE rowid = ?", (item_id,))
        self._connection.execute("INSERT INTO items_words (rowid, words) VALUES (?, ?)", (item_id, index_words(text)))

    def search(self, text: str, *, limit: int, embedding: Sequence[float] | None = None) -> list[Item]:
        by_words = self._by_words(text)
        by_meaning: list[int] = []
        if self._vectors is not None and embedding is not None:
            by_meaning = self._vectors.nearest(self._connection, embedding, limit=_CANDIDATES)
        scores: dict[int, float] = {}
        for ranking in (by_words, by_meaning):
            for rank, item_id in enumerate(ranking):
                scores[item_id] = scores.get(item_id, 0.0) + 1.0 / (_FUSION + rank)
        best = sorted(scores, key=lambda item_id: -scores[item_id])[:limit]
        return [_item(row, scores[row["id"]]) for row in self._rows(best)]

    def _by_words(self, text: str) -> list[int]:
        """Items with all telling words first, then those with the rarer ones. Ranking a word that is everywhere would take long
        and tell little, so words are used from the rarest on, while they stay within `_RANKED_ROWS`."""
        words = self._rarest(query_words(text))
        if not words:
            return []
        found = self._match(" AND ".join(words))
        if len(found) < _ENOUGH and len(words) > 1:
            found += [item_id for item_id in self._match(" OR ".join(words)) if item_id not in found]
        return found

    def _rarest(self, words: Sequence[str]) -> list[str]:
        counted = []
        for word in words:
            row = self._connection.execute("SELECT doc FROM items_vocabulary WHERE term = ?", (word,)).fetchone()
            if row is not None:
                counted.append((int(row["doc"]), word))
        kept: list[str] = []
        rows = 0
        for count, word in sorted(counted):
            rows += count
            if kept and rows > _RANKED_ROWS:
                break
            kept.append(f'"{word}"')
        return kept

    def _match(self, expression: str) -> list[int]:
        rows = self._connection.execute(
            "SELECT rowid FROM items_words WHERE items_words MATCH ? ORDER BY rank LIMIT ?", (expression, _CANDIDATES)
        )
        return [row["rowid"] for row in rows]

    def _rows(self, item_ids: Sequence[int]) -> list[sqlite3.Row]:
        marks = ",".join("?" * len(item_ids))
        rows = self._connection.execute(f"SELECT * FROM items WHERE id IN ({marks})", tuple(item_ids)).fetchall()
        order = {item_id: position for position, item_id in enumerate(item_ids)}
        return sorted(rows, key=lambda row: order[row["id"]])

    def list(self, *, limit: int, query: str = "") -> list[Item]:
        if query:
            return self.search(query, limit=limit)
        rows = self._connection.execute("SELECT * FROM items ORDER BY id DESC LIMIT ?", (limit,))
        return [_item(row) for row in rows]

    def correct(self, item_id: int, text: str, now_ms: int) -> bool:
        """Replace the text. Its old embedding no longer fits, so it is dropped until the next turn; words find it at once."""
        with transaction(self._connection):
            cursor = self._connection.execute(
                "UPDATE items SET text = ?, updated_at = ?, embedding = NULL WHERE id = ?", (text, now_ms, item_id)
            )
            if cursor.rowcount:
                self._connection.execute("DELETE FROM item_signs WHERE item_id = ?", (item_id,))
                self._index(item_id, text)
        scrub(self._connection)
        return cursor.rowcount > 0

    def delete(self, item_id: int) -> bool:
        with transaction(self._connection):
            self._connection.execute("DELETE FROM items_words WHERE rowid = ?", (item_id,))
            deleted = self._connection.execute("DELETE FROM items WHERE id = ?", (item_id,)).rowcount > 0
        scrub(self._connection)
        return deleted
