"""`WS /ws`: RealtimeVoiceChat."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from ..gateway import Gateway
from ..ports.realvoicechat import RealtimeVoiceChatShell


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter()

    @routes.websocket("/ws")
    async def realvoicechat(websocket: WebSocket) -> None:
        await websocket.accept()
        await RealtimeVoiceChatShell(gateway, websocket).run()

    return routes
