"""Language-model servers on this machine: running or not, and with which models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from ten_graph import Node

_TIMEOUT_S = 0.8


@dataclass(frozen=True, slots=True)
class ServerFound:
    name: str
    base_url: str
    running: bool
    models: tuple[str, ...] = ()
    remedy: str = ""


_KNOWN = (
    (
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        "start LM Studio, load a model, and turn its server on (lms server start)",
    ),
    ("Ollama", "http://127.0.0.1:11434/v1", "install Ollama (ollama.com), then: ollama pull qwen3:4b"),
    ("llama.cpp", "http://127.0.0.1:8080/v1", "llama-server -m MODEL.gguf --port 8080"),
    ("vLLM", "http://127.0.0.1:8000/v1", "vllm serve MODEL"),
)


_OF_PRESET = {"ollama": "Ollama", "lmstudio": "LM Studio", "llama.cpp": "llama.cpp", "vllm": "vLLM"}


def server_of(node: Node, servers: Sequence[ServerFound]) -> ServerFound | None:
    """The server on this machine that a model node will talk to, as far as it uses the usual address."""
    params = node.property.get("params") or {}
    if node.addon == "lmstudio_llm2_python":
        name = "" if params.get("host") else "LM Studio"
    elif node.addon == "openai_llm2_python":
        name = "" if params.get("base_url") else _OF_PRESET.get(str(params.get("preset")), "")
    else:
        return None
    return next((server for server in servers if server.name == name), None)


def look(known: tuple[tuple[str, str, str], ...] = _KNOWN) -> list[ServerFound]:
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        return [_ask(client, *server) for server in known]


def _ask(client: httpx.Client, name: str, base_url: str, remedy: str) -> ServerFound:
    try:
        answer = client.get(f"{base_url}/models")
        answer.raise_for_status()
        models = tuple(str(model["id"]) for model in answer.json()["data"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return ServerFound(name, base_url, False, remedy=remedy)
    return ServerFound(name, base_url, True, models, "" if models else "it runs but has no model loaded")
