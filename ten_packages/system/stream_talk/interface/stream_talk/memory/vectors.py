"""Nearest neighbours among the embeddings of remembered items, in numpy.

Why not sqlite-vec: common Python builds cannot load SQLite extensions, and numpy does 100,000 vectors in a few milliseconds. The
matrix is kept as int8 (a quarter of the memory), which costs less than a percent of cosine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_SCALE = 127.0
_CANDIDATES = 1_000
_BITS_SET = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def pack(vector: Sequence[float]) -> bytes:
    """A unit vector as int8."""
    array = np.asarray(vector, dtype=np.float32)
    norm = float(np.linalg.norm(array))
    if not np.isfinite(norm) or norm == 0.0:
        raise ValueError("an embedding must be finite and not zero")
    packed: bytes = np.clip(np.rint(array / norm * _SCALE), -127, 127).astype(np.int8).tobytes()
    return packed


class VectorIndex:
    """The embeddings of one model, read from the items table and kept in step with it by row id.

    Two looks: the signs of all vectors, one bit a dimension, pick candidates by Hamming distance; their int8 vectors rank them.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._ids: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._matrix: npt.NDArray[np.int8] = np.empty((0, 0), dtype=np.int8)
        self._signs: npt.NDArray[np.uint8] = np.empty((0, 0), dtype=np.uint8)

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Add rows that came since the last look. Deleted rows fall out when their text is fetched."""
        newest = int(self._ids[-1]) if len(self._ids) else 0
        rows = connection.execute(
            "SELECT id, embedding FROM items WHERE id > ? AND embedding IS NOT NULL AND embedding_model = ? ORDER BY id",
            (newest, self._model),
        ).fetchall()
        if not rows:
            return
        width = self._matrix.shape[1] or len(rows[0]["embedding"])
        rows = [row for row in rows if len(row["embedding"]) == width]
        fresh = np.frombuffer(b"".join(row["embedding"] for row in rows), dtype=np.int8).reshape(-1, width)
        signs = np.packbits(fresh > 0, axis=1)
        self._signs = np.concatenate([self._signs.reshape(-1, signs.shape[1]), signs])
        self._matrix = np.concatenate([self._matrix.reshape(-1, width), fresh])
        self._ids = np.concatenate([self._ids, np.array([row["id"] for row in rows], dtype=np.int64)])

    def nearest(self, vector: Sequence[float], *, limit: int) -> list[tuple[int, float]]:
        """(item id, cosine), best first."""
        query = np.frombuffer(pack(vector), dtype=np.int8)
        if not len(self._ids) or query.shape[0] != self._matrix.shape[1]:
            return []
        candidates = self._candidates(query, max(limit, _CANDIDATES))
        scores = self._matrix[candidates].astype(np.float32) @ query.astype(np.float32) / (_SCALE * _SCALE)
        order = np.argsort(scores)[::-1][:limit]
        return [(int(self._ids[candidates[i]]), float(scores[i])) for i in order]

    def _candidates(self, query: npt.NDArray[np.int8], count: int) -> npt.NDArray[np.intp]:
        if len(self._ids) <= count:
            return np.arange(len(self._ids))
        distances = _BITS_SET[self._signs ^ np.packbits(query > 0)].sum(axis=1, dtype=np.uint16)
        return np.argpartition(distances, count)[:count]
