"""Properties of a language model behind an OpenAI-compatible server."""

from __future__ import annotations

import os
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from .presets import PRESETS, Preset

PresetName = Literal["openai", "grok", "ollama", "lmstudio", "vllm", "llama.cpp", "custom"]


class OpenAiParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    preset: PresetName = "openai"
    base_url: str = ""
    """Empty takes the preset's. Ends in /v1 for nearly every server."""
    api_key: SecretStr = SecretStr("")
    """Empty takes the preset's environment variable; a server on this machine needs none."""
    model: str = ""
    """Empty takes the one model that the server has loaded."""
    prompt: str = ""
    """System message used when the conversation brings none."""
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    max_tokens: int | None = Field(default=1024, ge=1)
    thinking: Literal["auto", "off"] = "auto"
    """`off` asks the server not to let the model reason first, where the server knows how."""
    starts_in_reasoning: bool = False
    """For chat templates that open `<think>` inside the prompt, so that the reply begins in the middle of it."""
    connect_timeout_ms: float = Field(default=3000, gt=0)
    first_token_timeout_ms: float = Field(default=20000, gt=0)
    idle_timeout_ms: float = Field(default=10000, gt=0)
    retries: int = Field(default=2, ge=0, le=10)
    """Only ever before the first token."""
    retry_delay_ms: float = Field(default=200, ge=0)
    headers: dict[str, str] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Sent as they are, for what a server knows beyond the common fields (`ttl`, `keep_alive`, `reasoning_effort`)."""

    @model_validator(mode="after")
    def _check(self) -> OpenAiParams:
        if not self.url:
            raise ValueError("preset `custom` needs `base_url`, for example http://127.0.0.1:8000/v1")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc:
            raise ValueError(f"`base_url` must be an http or https address, not {self.url!r}")
        return self

    @property
    def known(self) -> Preset:
        return PRESETS[self.preset]

    @property
    def url(self) -> str:
        return (self.base_url or self.known.base_url).rstrip("/")

    @property
    def root_url(self) -> str:
        """Without the `/v1`, where servers keep their own API."""
        return self.url.removesuffix("/v1")

    def key(self) -> str:
        given = self.api_key.get_secret_value()
        return given or (os.environ.get(self.known.key_variable, "") if self.known.key_variable else "")
