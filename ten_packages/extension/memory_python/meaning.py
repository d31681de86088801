"""Embeddings without ever blocking the loop: an endpoint on a thread, a local model in a process that all sessions share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from stream_talk import clock
from stream_talk.engines.codec import RemoteError
from stream_talk.engines.host import EngineCrashed, EngineHost, EngineSpec, HostSettings, QueueFull
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.engines.shared import hosts
from stream_talk.memory.embeddings import EmbeddingEndpoint, EmbeddingFailed
from stream_talk.memory.local_embeddings import LocalEmbeddings

from .config import EmbeddingConfig


class Meaning:
    """`embed` answers None when there are no embeddings, and says once why."""

    def __init__(self, config: EmbeddingConfig, report: Callable[[str], None]) -> None:
        self.model = config.model
        self._report = report
        self._silent = False
        self._endpoint: EmbeddingEndpoint | None = None
        self._host: EngineHost | None = None
        if config.base_url:
            self._endpoint = EmbeddingEndpoint(config.base_url, config.model, config.api_key)
        elif config.model:
            spec = EngineSpec.of(LocalEmbeddings, {"folder": config.model})
            self._host = hosts.acquire(spec, HostSettings(placement="process"))

    @property
    def exists(self) -> bool:
        return self._endpoint is not None or self._host is not None

    async def embed(self, texts: Sequence[str]) -> list[list[float]] | None:
        if not self.exists or not texts:
            return None
        try:
            with clock.real_work():
                vectors = await self._ask(list(texts))
        except EngineUnavailable as error:
            self._say(error)
            self.close()  # what is not installed now will not be installed by the next turn
            return None
        except (EmbeddingFailed, EngineCrashed, QueueFull, RemoteError) as error:
            self._say(error)
            return None
        self._silent = False
        return vectors

    def _say(self, error: Exception) -> None:
        if not self._silent:
            self._report(f"memories are found by their words only: {error}")
        self._silent = True

    async def _ask(self, texts: list[str]) -> list[list[float]]:
        if self._endpoint is not None:
            return await asyncio.to_thread(self._endpoint.embed, texts)
        assert self._host is not None
        vectors: list[list[float]] = await self._host.call("embed", texts)
        return vectors

    def close(self) -> None:
        if self._host is not None:
            hosts.release(self._host)
            self._host = None
