"""The gate in front of every route: token, origin, host name, pace, security headers. An ASGI middleware."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stream_talk import clock

from .client_rates import ClientRates
from .config import GatewayConfig
from .errors import error_body
from .security import host_accepted, origin_accepted, presented_tokens, token_accepted

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; media-src 'self' blob:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PUBLIC_PATHS = ("/", "/health")
"""Without the token there are only the page's own files, and of `/health` only the status."""


class Guard:
    """`also_accepted` are further judges of tokens, for keys that a protocol hands out itself."""

    def __init__(
        self, app: Any, config: GatewayConfig, web_dir: Path | None, also_accepted: list[Callable[[str], bool]]
    ) -> None:
        self._app = app
        self._config = config
        self._web_dir = web_dir.resolve() if web_dir is not None else None
        self._also_accepted = also_accepted
        self._rates = ClientRates(config.requests_per_s)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, _with_security_headers(scope, send))
            return
        await _answer(scope, send, *refusal)

    def _refusal(self, scope: dict[str, Any], headers: dict[str, str]) -> tuple[int, str, str] | None:
        config, host = self._config, headers.get("host", "")
        if scope["type"] == "http" and not self._rates.admits((scope.get("client") or ("",))[0], clock.now_ms()):
            return 429, "rate_limited", f"at most {config.requests_per_s:g} requests a second; try again in a moment"
        if not host_accepted(host, is_exposed=config.is_exposed):
            return 421, "wrong_host", "this server answers only to names of the loopback"
        if not origin_accepted(headers.get("origin"), host, config.allowed_origins):
            return 403, "wrong_origin", "pages of this origin may not connect; see `allowed_origins`"
        if not self._is_public(scope):
            presented = presented_tokens(
                headers, scope["query_string"].decode("latin-1"), scope.get("subprotocols", [])
            )
            handed_out = any(accepts(token) for accepts in self._also_accepted for token in presented)
            if not (token_accepted(config.token, presented) or handed_out):
                return 401, "invalid_api_key", "a token is needed: bearer header, ?token=, or subprotocol"
        return None

    def _is_public(self, scope: dict[str, Any]) -> bool:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return False
        if scope["path"] in PUBLIC_PATHS:
            return True
        if self._web_dir is None or "\0" in scope["path"]:
            return False
        file = self._web_dir / scope["path"].lstrip("/")
        try:
            return file.resolve().is_relative_to(self._web_dir) and file.is_file()
        except OSError:  # no file has such a name
            return False


async def _answer(scope: dict[str, Any], send: Any, status: int, code: str, text: str) -> None:
    body = json.dumps(error_body(status, code, text)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 429:
        headers.append((b"retry-after", b"1"))
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def _with_security_headers(scope: dict[str, Any], send: Any) -> Any:
    if scope["type"] != "http":
        return send
    policy = DOCS_POLICY if scope["path"] == "/docs" else CONTENT_SECURITY_POLICY
    extra = [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]

    async def send_with_headers(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return send_with_headers
