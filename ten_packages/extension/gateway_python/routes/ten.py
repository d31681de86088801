"""TEN's `websocket_server` (at `/` and `/ws/{port}`) and its playground server. No Agora key is needed for any of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, WebSocket
from stream_talk.wire import ten_websocket
from stream_talk.wire.ten_rest import PARAMS_INVALID, Channel, Refusal, channel_name, success

from ..channels import ChannelKeeper
from ..gateway import Gateway
from ..ports.ten_websocket import TenWebsocketShell

MAX_BODY_BYTES = 65_536


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter(tags=["TEN"])
    channels = ChannelKeeper(gateway)
    _sockets(routes, gateway, channels)

    async def answer(request: Request, act: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Whatever goes wrong is told in the envelope, with status 200."""
        try:
            return success(act(await _body(request)))
        except Refusal as refusal:
            return refusal.envelope

    @routes.post("/start", summary="Start a channel")
    async def start(request: Request) -> dict[str, Any]:
        return await answer(request, channels.start)

    @routes.post("/stop", summary="Stop a channel")
    async def stop(request: Request) -> dict[str, Any]:
        try:
            await channels.stop(await _body(request))
        except Refusal as refusal:
            return refusal.envelope
        return success()

    @routes.post("/ping", summary="Keep a channel alive")
    async def ping(request: Request) -> dict[str, Any]:
        return await answer(request, channels.ping)

    @routes.get("/list", summary="Channels")
    async def listed() -> dict[str, Any]:
        return success(channels.listed())

    @routes.get("/graphs", summary="Graphs, as TEN's playground lists them")
    async def graphs() -> dict[str, Any]:
        names = [offer.name for offer in gateway.catalog if offer.available]
        return success([{"name": name, "graph_id": name, "auto_start": False} for name in names])

    @routes.post("/token/generate", summary="There is no token to generate: the app id is the token")
    async def token(request: Request) -> dict[str, Any]:
        def make(body: dict[str, Any]) -> dict[str, Any]:
            return {
                "appId": "stream-talk",
                "token": "stream-talk",
                "channel_name": channel_name(body),
                "uid": body.get("uid", 0),
            }

        return await answer(request, make)

    return routes


def _sockets(routes: APIRouter, gateway: Gateway, channels: ChannelKeeper) -> None:
    @routes.websocket("/")
    async def standalone(websocket: WebSocket) -> None:
        await websocket.accept()
        await TenWebsocketShell(gateway, websocket).run()

    @routes.websocket("/ws/{port:int}")
    async def of_channel(websocket: WebSocket, port: int) -> None:
        await websocket.accept()
        channel = channels.by_port(port)
        if channel is None:
            await TenWebsocketShell(gateway, websocket).run()
        elif not channels.occupy(channel):
            await websocket.send_text(ten_websocket.error(ten_websocket.ONE_CLIENT_TEXT))
            await websocket.close(*ten_websocket.ONE_CLIENT_CLOSE)
        else:
            await _run_in(channel, channels, TenWebsocketShell(gateway, websocket))


async def _run_in(channel: Channel, channels: ChannelKeeper, shell: TenWebsocketShell) -> None:
    shell.on_begun = lambda session: channels.joined(channel, session)
    try:
        await shell.run(channel.graph)
    finally:
        channels.leave(channel)


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = json.loads(raw) if len(raw) <= MAX_BODY_BYTES else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal(PARAMS_INVALID, "params invalid")
    return body
