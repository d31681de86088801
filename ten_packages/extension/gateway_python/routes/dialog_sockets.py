"""The dialog-engine contract, where sound goes: `/ws/output/{id}`, `/ws/ingest/tts`, `/control/stop`, `/tts/mock`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from stream_talk import clock
from stream_talk.wire import dialog
from stream_talk.wire.dialog import Refusal

from ..client_socket import ClientSocket
from ..dialog.desk import DialogDesk
from ..gateway import Gateway

_CLOSE_BAD_TASK = 4004
_MOCK_PCM = bytes(24_000 * 2 * 40 // 1000)


def detail(refusal: Refusal) -> JSONResponse:
    return JSONResponse({"detail": refusal.detail}, status_code=refusal.status)


def add_sockets(routes: APIRouter, gateway: Gateway, desk: DialogDesk) -> None:
    engines: dict[str, WebSocket] = {}

    @routes.post("/control/stop", summary="Stop what a conversation is saying")
    async def stop(request: Request) -> Response:
        try:
            session_id = dialog.parse_session(await request.body())
        except Refusal as refusal:
            return detail(refusal)
        await desk.stop(session_id)
        engine = engines.get(session_id)
        if engine is not None:
            await engine.send_text(dialog.stop_command(session_id))
        return JSONResponse({"ok": True})

    @routes.post("/tts/mock", summary="Sound without an engine, for measuring how fast a stop is")
    async def tts_mock(request: Request) -> Response:
        try:
            wanted = dialog.parse_mock(await request.body())
        except Refusal as refusal:
            return detail(refusal)
        gateway.soon(lambda: _mock(desk, wanted))
        return JSONResponse({"ok": True, "sessionId": wanted.session_id})

    @routes.websocket("/ws/ingest/tts")
    async def ingest(websocket: WebSocket) -> None:
        """An engine elsewhere pushes speech; several may be connected, each for its own sessions."""
        await websocket.accept()
        mine: set[str] = set()
        try:
            async for text in websocket.iter_text():
                item = dialog.parse_ingest(text)
                if item is None:
                    continue
                if item.session_id not in mine:
                    desk.outputs.begin(item.session_id)
                    mine.add(item.session_id)
                    engines[item.session_id] = websocket
                if isinstance(item, dialog.SpeechChunk):
                    desk.outputs.sound(item.session_id, item.pcm, item.seq, item.viseme)
                elif item.action == "END":
                    desk.outputs.control(item.session_id, "END")
        finally:
            for session_id in mine:
                if engines.get(session_id) is websocket:
                    del engines[session_id]

    @routes.websocket("/ws/output/{task_id}")
    async def output(websocket: WebSocket, task_id: str) -> None:
        if not dialog.is_task_id(task_id):
            await websocket.close(_CLOSE_BAD_TASK)
            return
        await websocket.accept()
        socket = ClientSocket(websocket, gateway.config.send_buffer_bytes, lambda: socket.finish(1013, "too slow"))
        writer = asyncio.get_running_loop().create_task(socket.run_writer())
        desk.outputs.attach(task_id, socket)
        try:
            while await socket.receive() is not None:
                pass
        finally:
            desk.outputs.detach(task_id, socket)
            await socket.wait_closed(writer)


async def _mock(desk: DialogDesk, wanted: dialog.MockRequest) -> None:
    desk.outputs.begin(wanted.session_id)
    for _ in range(wanted.chunks):
        if not desk.outputs.sound(wanted.session_id, _MOCK_PCM):
            return
        await clock.sleep_ms(wanted.delay_ms)
    desk.outputs.control(wanted.session_id, "END")
