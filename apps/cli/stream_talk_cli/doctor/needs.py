"""What a graph needs beside packages and models: a kind of processor, a server that runs, a key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream_talk.graph import resolve_graph
from ten_graph import GraphError, Node, Problem

from stream_talk_cli.doctor.servers import ServerFound, server_of

NO_NVIDIA, NO_APPLE = "runs on an NVIDIA GPU, and none is seen here", "runs on Apple Silicon, and this is none"
HARDWARE = (NO_NVIDIA, NO_APPLE)
_APPLE_ONLY = ("mlx_whisper_asr_python",)
_KEYS = {"openai": "OPENAI_API_KEY", "grok": "XAI_API_KEY"}


@dataclass(frozen=True)
class Here:
    cuda: bool
    apple_silicon: bool
    servers: Sequence[ServerFound]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def unmet(path: Path, here: Here) -> list[Problem]:
    """Hardware first: where that is missing, no command brings it."""
    try:
        nodes = resolve_graph(path, environ=here.environ).nodes
    except GraphError:
        return []  # the graph's own check says it
    return [*_hardware(nodes, here), *(problem for node in nodes for problem in _model(node, here))]


def _hardware(nodes: Sequence[Node], here: Here) -> Iterator[Problem]:
    on_cuda = [node.name for node in nodes if _param(node, "device") == "cuda"]
    on_apple = [
        node.name
        for node in nodes
        if node.addon in _APPLE_ONLY or _param(node, "device") == "mps" or _param(node, "backend") == "mlx"
    ]
    if on_cuda and not here.cuda:
        yield Problem(", ".join(on_cuda), NO_NVIDIA, "take another graph (cpu)")
    if on_apple and not here.apple_silicon:
        yield Problem(", ".join(on_apple), NO_APPLE, "take another graph (cpu, cuda)")


def _model(node: Node, here: Here) -> Iterator[Problem]:
    key = _KEYS.get(_param(node, "preset") or "openai", "")
    found = server_of(node, here.servers)
    if node.addon == "openai_llm2_python" and key and not _param(node, "base_url"):
        if not _param(node, "api_key") and not here.environ.get(key):
            yield Problem(node.name, f"the service needs a key in {key}", f"export {key}=...")
    elif found is not None and not found.running:
        yield Problem(node.name, f"{found.name} does not answer at {found.base_url}", found.remedy)
    elif found is not None and not found.models:
        yield Problem(node.name, f"{found.name} has no model loaded", "load one there")


def _param(node: Node, key: str) -> str:
    params: Any = node.property.get("params") or {}
    return str(params.get(key) or "") if isinstance(params, Mapping) else ""
