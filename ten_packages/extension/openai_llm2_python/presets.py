"""What is particular about each provider: where it lives, how its key is called, and what to do when it does not answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Preset:
    title: str
    base_url: str
    key_variable: str = ""
    """Environment variable of the key; empty for servers on one's own machine."""
    start_remedy: str = "start the server, or correct `base_url`"
    model_remedy: str = "set `model` to one that the server has"
    loaded_path: str = ""
    """Where the server lists the models that are in memory, relative to its root (not to `/v1`)."""
    max_tokens_field: str = "max_tokens"
    thinking_off: dict[str, Any] = field(default_factory=dict)
    """What to send so that a reasoning model answers at once."""


_NO_THINKING_TEMPLATE = {"chat_template_kwargs": {"enable_thinking": False}}

PRESETS: dict[str, Preset] = {
    "openai": Preset(
        "OpenAI",
        "https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        start_remedy="check the network connection",
        model_remedy="set `model` to one that your account may use",
        max_tokens_field="max_completion_tokens",
    ),
    "grok": Preset(
        "Grok",
        "https://api.x.ai/v1",
        key_variable="XAI_API_KEY",
        start_remedy="check the network connection",
        model_remedy="set `model` to one that your account may use",
    ),
    "ollama": Preset(
        "Ollama",
        "http://127.0.0.1:11434/v1",
        start_remedy="start it with `ollama serve`",
        model_remedy="run `ollama pull {model}`",
        loaded_path="/api/ps",
    ),
    "lmstudio": Preset(
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        start_remedy="open LM Studio and switch its server on (Developer tab), or run `lms server start`",
        model_remedy="load it in LM Studio, or run `lms load {model}`",
        loaded_path="/api/v0/models",
    ),
    "vllm": Preset(
        "vLLM",
        "http://127.0.0.1:8000/v1",
        start_remedy="start it with `vllm serve MODEL`",
        model_remedy="start the server with `vllm serve {model}`",
        thinking_off=_NO_THINKING_TEMPLATE,
    ),
    "llama.cpp": Preset(
        "llama.cpp",
        "http://127.0.0.1:8080/v1",
        start_remedy="start it with `llama-server -m MODEL.gguf`",
        model_remedy="start `llama-server` with that model",
        thinking_off=_NO_THINKING_TEMPLATE,
    ),
    "custom": Preset("the language-model server", ""),
}
