"""Where embeddings come from: any OpenAI-compatible endpoint (LM Studio, Ollama, llama.cpp, vLLM, or a cloud), or a model here."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class EmbeddingFailed(RuntimeError):
    pass


class Embedder(Protocol):
    model: str

    def embed(self, texts: Sequence[str]) -> list[list[float]]: ...


@dataclass(slots=True)
class EmbeddingEndpoint:
    """Blocking; meant for a thread. One request embeds several texts."""

    base_url: str
    model: str
    api_key: str = ""
    timeout_ms: int = 2_000

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        body = json.dumps({"model": self.model, "input": list(texts)}).encode()
        headers = {"Content-Type": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        request = urllib.request.Request(f"{self.base_url.rstrip('/')}/embeddings", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_ms / 1000) as response:
                answer = json.load(response)
            rows = sorted(answer["data"], key=lambda row: row.get("index", 0))
            vectors = [[float(x) for x in row["embedding"]] for row in rows]
        except (urllib.error.URLError, OSError, ValueError, KeyError, TypeError) as error:
            raise EmbeddingFailed(f"no embeddings from {self.base_url} ({error})") from error
        if len(vectors) != len(texts):
            raise EmbeddingFailed(f"{self.base_url} answered {len(vectors)} embeddings for {len(texts)} texts")
        return vectors
