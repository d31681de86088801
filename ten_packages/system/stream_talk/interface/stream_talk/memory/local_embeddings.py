"""Embeddings from a model on this machine: a folder as sentence-transformers saves it. The package is not one of ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable


class LocalEmbeddings:
    """An engine: blocking, for a worker process, because loading torch would hold every thread of this one for a second."""

    def __init__(self, folder: str) -> None:
        self.model = folder
        self._network: Any = None

    def load(self) -> None:
        folder = Path(self.model).expanduser()
        if not folder.is_dir():
            raise EngineUnavailable(
                f"there is no model folder {folder}", "give embeddings.model a folder, or set embeddings.base_url"
            )
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise EngineUnavailable(
                "the package sentence-transformers is missing",
                "pip install sentence-transformers, or set embeddings.base_url",
            ) from error
        self._network = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def warm_up(self) -> None:
        self.embed(["warm up"])

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self._network is None:
            self.load()
        vectors: list[list[float]] = self._network.encode(list(texts), normalize_embeddings=True).tolist()
        return vectors

    def close(self) -> None:
        self._network = None
