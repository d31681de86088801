"""Who may connect: token and origin. Pure functions of a request's headers and query."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs, urlsplit

from stream_talk.wire.talk import SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX

OPENAI_KEY_PREFIX = "openai-insecure-api-key."


def presented_tokens(headers: Mapping[str, str], query_string: str, subprotocols: Iterable[str]) -> list[str]:
    """Every token the request carries: bearer, `?token=`, and those hidden in subprotocols for the sake of browsers."""
    found: list[str] = []
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        found.append(value.strip())
    found += parse_qs(query_string).get("token", [])
    for name in subprotocols:
        for prefix in (TOKEN_SUBPROTOCOL_PREFIX, OPENAI_KEY_PREFIX):
            if name.startswith(prefix):
                found.append(name[len(prefix) :])
    return found


def token_accepted(expected: str, presented: Iterable[str]) -> bool:
    """Compared in constant time. No expected token: everybody on this machine is welcome."""
    if not expected:
        return True
    return any([secrets.compare_digest(expected.encode(), candidate.encode()) for candidate in presented])


def origin_accepted(origin: str | None, host_header: str, allowed: Iterable[str]) -> bool:
    """Programs send no Origin. A page must come from this server, or from a server that was allowed by name.

    Without this check any web page could talk through a server that listens on the visitor's own loopback.
    """
    if origin is None:
        return True
    allowed = list(allowed)
    if "*" in allowed or origin in allowed:
        return True
    parts = urlsplit(origin)
    return bool(parts.netloc) and parts.scheme in ("http", "https") and parts.netloc.lower() == host_header.lower()


def host_accepted(host_header: str, *, is_exposed: bool) -> bool:
    """On the loopback only names of the loopback: a foreign name that resolves to 127.0.0.1 is somebody else's page (DNS rebinding)."""
    if is_exposed or not host_header:
        return True
    name = urlsplit(f"//{host_header}").hostname or ""
    return name in ("localhost", "127.0.0.1", "::1", "testserver") or name.endswith(".localhost")


def selected_subprotocol(offered: Iterable[str]) -> str | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
