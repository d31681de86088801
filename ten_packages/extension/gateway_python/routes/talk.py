"""`WS /v1/talk`."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from ..gateway import Gateway
from ..ports.talk import TalkShell
from ..security import selected_subprotocol


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter()

    @routes.websocket("/v1/talk")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept(subprotocol=selected_subprotocol(websocket.scope["subprotocols"]))
        await TalkShell(gateway, websocket).run()

    return routes
