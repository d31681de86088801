"""What went wrong, in words that say what to do. A key never appears in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
from stream_talk.engines.interfaces import EngineUnavailable

from .params import OpenAiParams
from .reply import error_text

RETRIED_STATUS = frozenset((408, 409, 425, 429, 500, 502, 503, 504))
_ENDLESS_CODES = ("insufficient_quota", "billing")


@dataclass(slots=True)
class Refusal:
    """An HTTP answer that is not a reply."""

    status: int
    text: str
    retry_after_ms: float | None = None

    @staticmethod
    def of(response: httpx.Response, body: bytes) -> Refusal:
        try:
            text = error_text(json.loads(body))
        except ValueError:
            text = body[:300].decode("utf-8", "replace").strip()
        return Refusal(response.status_code, text, _retry_after_ms(response.headers.get("retry-after")))

    @property
    def passing(self) -> bool:
        """Worth another try in a moment."""
        return self.status in RETRIED_STATUS and not any(code in self.text.lower() for code in _ENDLESS_CODES)

    def refused_field(self, body: dict[str, Any], candidates: tuple[str, ...]) -> str | None:
        """An optional field of the request that this server does not accept."""
        if self.status not in (400, 422):
            return None
        return next((name for name in candidates if name in body and name in self.text), None)


def refused(config: OpenAiParams, refusal: Refusal, model: str) -> EngineUnavailable:
    title, text = config.known.title, clean(config, refusal.text)
    lowered = text.lower()
    if refusal.status in (401, 403):
        return EngineUnavailable(f"{title} refused the key ({text})", key_remedy(config))
    if "model" in lowered and (refusal.status == 404 or "not found" in lowered or "does not exist" in lowered):
        return EngineUnavailable(f"model {model} is not in {title}", config.known.model_remedy.format(model=model))
    if refusal.status == 404:
        return EngineUnavailable(
            f"{config.url} has no chat completions (404)", "check `base_url`; it usually ends in /v1"
        )
    if refusal.status == 429:
        return EngineUnavailable(
            f"{title} is over its limit ({text})", "wait, or raise the limit of the account", permanent=False
        )
    return EngineUnavailable(f"{title} answered {refusal.status} ({text})", "see the server's log", permanent=False)


def unreachable(config: OpenAiParams, error: Exception) -> EngineUnavailable:
    reason = "does not answer" if isinstance(error, httpx.TimeoutException) else "is not running"
    if config.known.key_variable:
        reason = "cannot be reached"
    return EngineUnavailable(
        f"{config.known.title} {reason} at {config.url}", config.known.start_remedy, permanent=False
    )


def too_late(config: OpenAiParams, what: str, timeout_ms: float) -> EngineUnavailable:
    return EngineUnavailable(
        f"{config.known.title} sent no {what} within {timeout_ms / 1000:g} s",
        "try a smaller model, or raise `first_token_timeout_ms` and `idle_timeout_ms`",
        permanent=False,
    )


def not_this_protocol(config: OpenAiParams, evidence: str) -> EngineUnavailable:
    shown = clean(config, evidence)[:80]
    return EngineUnavailable(
        f"{config.url} does not speak the chat completions protocol (it sent {shown!r})",
        "check `base_url`; it usually ends in /v1",
    )


def broke_off(config: OpenAiParams, error: Exception | str) -> EngineUnavailable:
    return EngineUnavailable(
        f"{config.known.title} broke off in the middle of a reply ({clean(config, str(error) or type(error).__name__)})",
        "see the server's log",
        permanent=False,
    )


def key_remedy(config: OpenAiParams) -> str:
    variable = config.known.key_variable
    return f"set {variable} or the property `api_key`" if variable else "set the property `api_key`"


def clean(config: OpenAiParams, text: str) -> str:
    """Some servers quote the key in their errors."""
    key = config.key()
    return text.replace(key, "***") if key else text


def _retry_after_ms(header: str | None) -> float | None:
    try:
        return float(header) * 1000.0 if header else None
    except ValueError:
        return None
