"""Nearest neighbours among the embeddings of remembered items.

Two looks, whoever does them: the signs of all vectors, one bit a dimension, pick candidates by Hamming distance; their int8 vectors
(a quarter of the memory, less than a percent of cosine lost) rank them. SQLite does both where it can load sqlite-vec; common Python
builds cannot load SQLite extensions, and there numpy does them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stream_talk.memory import sqlite_vec

_CANDIDATES = 1_000
_BITS_SET = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def pack(vector: Sequence[float]) -> bytes:
    """A unit vector as int8."""
    array = np.asarray(vector, dtype=np.float32)
    norm = float(np.linalg.norm(array))
    if not np.isfinite(norm) or norm == 0.0:
        raise ValueError("an embedding must be finite and not zero")
    packed: bytes = np.clip(np.rint(array / norm * 127.0), -127, 127).astype(np.int8).tobytes()
    return packed


def signs_of(packed: bytes) -> bytes:
    """One bit a dimension."""
    signs: bytes = np.packbits(np.frombuffer(packed, dtype=np.int8) > 0).tobytes()
    return signs


class VectorIndex(Protocol):
    def nearest(self, connection: sqlite3.Connection, vector: Sequence[float], *, limit: int) -> list[int]:
        """The ids of the items whose embeddings are closest, best first."""


def vector_index(connection: sqlite3.Connection, model: str) -> VectorIndex:
    return SqliteVecIndex(model) if sqlite_vec.load(connection) else NumpyIndex(model)


class SqliteVecIndex:
    """SQLite reads its own tables: nothing is kept in memory, and nothing can be out of date."""

    def __init__(self, model: str) -> None:
        self._model = model

    def nearest(self, connection: sqlite3.Connection, vector: Sequence[float], *, limit: int) -> list[int]:
        query = pack(vector)
        signs = signs_of(query)
        rows = connection.execute(
            "SELECT id FROM items WHERE id IN ("
            " SELECT item_id FROM item_signs NOT INDEXED WHERE model = ? AND length(signs) = ?"
            " ORDER BY vec_distance_hamming(vec_bit(signs), vec_bit(?)) LIMIT ?)"
            " ORDER BY vec_distance_cosine(vec_int8(embedding), vec_int8(?)) LIMIT ?",
            (self._model, len(signs), signs, max(limit, _CANDIDATES), query, limit),
        )
        return [row["id"] for row in rows]


class NumpyIndex:
    """The embeddings of one model in memory, brought up to date before every search."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._forget()

    def _forget(self) -> None:
        self._newest = 0
        self._rows = 0  # also those of another width, which cannot be compared
        self._ids: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._matrix: npt.NDArray[np.int8] = np.empty((0, 0), dtype=np.int8)
        self._signs: npt.NDArray[np.uint8] = np.empty((0, 0), dtype=np.uint8)

    def _refresh(self, connection: sqlite3.Connection) -> None:
        """Add what came since the last search. When something is gone, all is read again: people delete rarely."""
        count = connection.execute("SELECT count(*) FROM item_signs WHERE model = ?", (self._model,)).fetchone()[0]
        rows = self._newer(connection)
        if self._rows + len(rows) != count:
            self._forget()
            rows = self._newer(connection)
        if not rows:
            return
        self._newest, self._rows = rows[-1]["seq"], self._rows + len(rows)
        width = self._matrix.shape[1] or len(rows[0]["embedding"])
        rows = [row for row in rows if len(row["embedding"]) == width]
        fresh = np.frombuffer(b"".join(row["embedding"] for row in rows), dtype=np.int8).reshape(-1, width)
        signs = np.packbits(fresh > 0, axis=1)
        self._signs = np.concatenate([self._signs.reshape(-1, signs.shape[1]), signs])
        self._matrix = np.concatenate([self._matrix.reshape(-1, width), fresh])
        self._ids = np.concatenate([self._ids, np.array([row["item_id"] for row in rows], dtype=np.int64)])

    def _newer(self, connection: sqlite3.Connection) -> list[sqlite3.Row]:
        return connection.execute(
            "SELECT seq, item_id, embedding FROM item_signs s JOIN items i ON i.id = s.item_id"
            " WHERE s.seq > ? AND s.model = ? ORDER BY seq",
            (self._newest, self._model),
        ).fetchall()

    def nearest(self, connection: sqlite3.Connection, vector: Sequence[float], *, limit: int) -> list[int]:
        self._refresh(connection)
        query = np.frombuffer(pack(vector), dtype=np.int8)
        if not len(self._ids) or query.shape[0] != self._matrix.shape[1]:
            return []
        candidates = self._candidates(query, max(limit, _CANDIDATES))
        scores = self._matrix[candidates].astype(np.float32) @ query.astype(np.float32)
        order = np.argsort(scores)[::-1][:limit]
        return [int(self._ids[candidates[i]]) for i in order]

    def _candidates(self, query: npt.NDArray[np.int8], count: int) -> npt.NDArray[np.intp]:
        if len(self._ids) <= count:
            return np.arange(len(self._ids))
        distances = _BITS_SET[self._signs ^ np.packbits(query > 0)].sum(axis=1, dtype=np.uint16)
        return np.argpartition(distances, count)[:count]
