"""How long a language model that runs on this machine takes for the first clause of a reply: asked once, with a short question."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from ten_graph import Node

from stream_talk_cli.doctor.servers import ServerFound, server_of

_CLAUSE_PIECES = 8
_TIMEOUT_S = 30.0
_QUESTION = "Tell me in one sentence what you can do."


def first_clause_ms(nodes: Sequence[Node], servers: Sequence[ServerFound]) -> dict[str, float]:
    """By node; only servers of this machine are asked, because those cost nothing."""
    found: dict[str, float] = {}
    for node in nodes:
        server = server_of(node, servers)
        params: Mapping[str, Any] = node.property.get("params") or {}
        if server is not None and server.running and server.models:
            took_ms = ask(server.base_url, str(params.get("model") or server.models[0]))
            if took_ms is not None:
                found[node.name] = took_ms
    return found


def ask(base_url: str, model: str) -> float | None:
    """Time to the eighth piece of the reply, or to its end; None when the server does not answer."""
    body = {
        "model": model, "stream": True, "max_tokens": 32, "messages": [{"role": "user", "content": _QUESTION}],
    }  # fmt: skip
    started = time.monotonic()
    pieces = 0
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client,
            client.stream("POST", f"{base_url}/chat/completions", json=body) as answer,
        ):
            answer.raise_for_status()
            for line in answer.iter_lines():
                pieces += _has_text(line)
                if pieces >= _CLAUSE_PIECES:
                    break
    except httpx.HTTPError:
        return None
    return (time.monotonic() - started) * 1000.0 if pieces else None


def _has_text(line: str) -> bool:
    try:
        return bool(json.loads(line.removeprefix("data:"))["choices"][0]["delta"].get("content"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return False
