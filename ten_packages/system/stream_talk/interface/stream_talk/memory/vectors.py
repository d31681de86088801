"""Nearest neighbours among the embeddings of remembered items, by exact search over a compact matrix.

Why not sqlite-vec: common Python builds cannot load SQLite extensions, and numpy does 100,000 vectors in a few milliseconds. The
matrix is kept as int8 (a quarter of the memory), which costs less than a percent of cosine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_SCALE = 127.0
_BLOCK_ROWS = 8_192


def pack(vector: Sequence[float]) -> bytes:
    """A unit vector as int8."""
    array = np.asarray(vector, dtype=np.float32)
    norm = float(np.linalg.norm(array))
    if not np.isfinite(norm) or norm == 0.0:
        raise ValueError("an embedding must be finite and not zero")
    packed: bytes = np.clip(np.rint(array / norm * _SCALE), -127, 127).astype(np.int8).tobytes()
    return packed


class VectorIndex:
    """The embeddings of one model, read from the items table and kept in step with it by row id."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._ids: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._matrix: npt.NDArray[np.int8] = np.empty((0, 0), dtype=np.int8)

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
        self._matrix = np.concatenate([self._matrix.reshape(-1, width), fresh])
        self._ids = np.concatenate([self._ids, np.array([row["id"] for row in rows], dtype=np.int64)])

    def nearest(self, vector: Sequence[float], *, limit: int) -> list[tuple[int, float]]:
        """(item id, cosine), best first."""
        if not len(self._ids):
            return []
        query = np.frombuffer(pack(vector), dtype=np.int8).astype(np.float32) / _SCALE
        if query.shape[0] != self._matrix.shape[1]:
            return []
        scores = np.concatenate(
            [
                self._matrix[start : start + _BLOCK_ROWS].astype(np.float32) @ query
                for start in range(0, len(self._ids), _BLOCK_ROWS)
            ]
        )
        best = np.argpartition(scores, -min(limit, len(scores)))[-limit:]
        best = best[np.argsort(scores[best])[::-1]]
        return [(int(self._ids[i]), float(scores[i]) / _SCALE) for i in best]
