"""`WS /v1/realtime` and `POST /v1/realtime/client_secrets`: the OpenAI Realtime protocol."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import JSONResponse
from stream_talk import clock
from stream_talk.wire import strict_json
from stream_talk.wire.realtime.errors import RealtimeError
from stream_talk.wire.realtime.session_object import SessionObject

from ..body_limit import MAX_BODY_BYTES
from ..gateway import Gateway
from ..ports.realtime import RealtimeShell, new_id

SUBPROTOCOL = "realtime"
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
_SECRET_LIFETIME_S, _SHORTEST_S, _LONGEST_S = 600, 10, 7_200
_MOST_SECRETS = 1_000


class _Secrets:
    """Session settings handed out in advance; each ephemeral key is good for a while."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[float, dict[str, Any]]] = {}

    def make(self, session: dict[str, Any], expires_at_s: int) -> str:
        now_s = clock.epoch_ms() / 1000
        self._sessions = {key: entry for key, entry in self._sessions.items() if entry[0] > now_s}
        while len(self._sessions) >= _MOST_SECRETS:
            del self._sessions[next(iter(self._sessions))]
        key = f"ek_{secrets.token_urlsafe(24)}"
        self._sessions[key] = (expires_at_s, session)
        return key

    def session_of(self, presented: list[str]) -> dict[str, Any] | None:
        now_s = clock.epoch_ms() / 1000
        for key in presented:
            entry = self._sessions.get(key)
            if entry is not None and entry[0] > now_s:
                return entry[1]
        return None


def _asked_for(raw: bytes) -> tuple[dict[str, Any], int]:
    """The settings of the session, and for how long the key is good."""
    try:
        body = strict_json.loads_object(raw or b"{}", MAX_BODY_BYTES)
    except strict_json.BadJson as bad:
        raise RealtimeError("invalid_value", str(bad)) from None
    session, expiry = body.get("session") or {}, body.get("expires_after") or {}
    if not isinstance(session, dict) or not isinstance(expiry, dict):
        raise RealtimeError("invalid_value", "session and expires_after are objects.", param="session")
    seconds = expiry.get("seconds", _SECRET_LIFETIME_S)
    if not isinstance(seconds, int) or not _SHORTEST_S <= seconds <= _LONGEST_S:
        text = f"expires_after.seconds is {_SHORTEST_S} to {_LONGEST_S}."
        raise RealtimeError("invalid_value", text, param="expires_after.seconds")
    return session, seconds


def _presented_keys(websocket: WebSocket, offered: list[str]) -> list[str]:
    bearer = websocket.headers.get("authorization", "").removeprefix("Bearer ").strip()
    prefix = "openai-insecure-api-key."
    return [bearer, *(name.removeprefix(prefix) for name in offered if name.startswith(prefix))]


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter()
    handed_out = _Secrets()
    gateway.also_accepted_tokens.append(lambda token: handed_out.session_of([token]) is not None)

    @routes.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        offered = list(websocket.scope["subprotocols"])
        beta = BETA_SUBPROTOCOL in offered or websocket.headers.get("openai-beta", "").startswith("realtime=v1")
        # Browsers and Node hang up unless exactly this one is chosen; the key's token must never be echoed.
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        initial = handed_out.session_of(_presented_keys(websocket, offered))
        model = websocket.query_params.get("model", "")
        graph = model if model in {offer.name for offer in gateway.catalog} else None
        await RealtimeShell(gateway, websocket, model=model, beta=beta, initial=initial).run(graph)

    @routes.post("/v1/realtime/client_secrets")
    async def client_secrets(request: Request) -> Any:
        try:
            wanted, lifetime_s = _asked_for(await request.body())
            model = wanted.get("model")
            session = SessionObject(new_id("sess"), model if isinstance(model, str) else "stream-talk", "alloy", 0)
            session.update(wanted)
        except RealtimeError as error:
            return JSONResponse({"error": error.body(None)}, status_code=400)
        now_s = int(clock.epoch_ms() / 1000)
        key = handed_out.make(wanted, now_s + lifetime_s)
        return {"value": key, "expires_at": now_s + lifetime_s, "session": session.body()}

    return routes
