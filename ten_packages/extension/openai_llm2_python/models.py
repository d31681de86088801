"""Which model to ask for when the graph names none: the one that the server has in memory, or its only one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from stream_talk.engines.interfaces import EngineUnavailable

from . import failures
from .failures import Refusal
from .params import OpenAiParams

_NOT_TALKERS = ("embed", "whisper", "rerank", "tts")
MAX_NAMED = 6


async def pick_model(client: httpx.AsyncClient, config: OpenAiParams) -> str:
    loaded = await _loaded(client, config)
    if len(loaded) == 1:
        return loaded[0]
    available = loaded or await list_models(client, config)
    if len(available) == 1:
        return available[0]
    if not available:
        raise EngineUnavailable(
            f"{config.known.title} has no model", config.known.model_remedy.format(model="MODEL"), permanent=False
        )
    names = ", ".join(available[:MAX_NAMED]) + (" ..." if len(available) > MAX_NAMED else "")
    raise EngineUnavailable(f"{config.known.title} has several models", f"set `model` to one of: {names}")


async def list_models(client: httpx.AsyncClient, config: OpenAiParams) -> list[str]:
    response = await client.get(f"{config.url}/models")
    if response.status_code != 200:
        raise failures.refused(config, Refusal.of(response, response.content), "")
    return _names(_json(response, config))


async def _loaded(client: httpx.AsyncClient, config: OpenAiParams) -> list[str]:
    """Ollama's and LM Studio's own lists; older servers do not have them, which is no error."""
    if not config.known.loaded_path:
        return []
    response = await client.get(f"{config.root_url}{config.known.loaded_path}")
    if response.status_code != 200:
        return []
    body = _json(response, config)
    return _names({"data": [entry for entry in _entries(body) if entry.get("state", "loaded") == "loaded"]})


def _json(response: httpx.Response, config: OpenAiParams) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise failures.not_this_protocol(config, response.text[:200]) from error


def _entries(body: Any) -> list[Mapping[str, Any]]:
    entries = (body.get("data") or body.get("models") or []) if isinstance(body, Mapping) else []
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _names(body: Any) -> list[str]:
    names = [str(entry.get("id") or entry.get("name") or entry.get("model") or "") for entry in _entries(body)]
    return [name for name in names if name and not any(part in name.lower() for part in _NOT_TALKERS)]
