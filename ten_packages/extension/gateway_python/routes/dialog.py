"""The dialog-engine contract, where questions come: `/chat/stream`, `/chat/audio`, `/chat/audio/stream`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect
from stream_talk import clock
from stream_talk.wire import dialog
from stream_talk.wire.dialog import AudioRequest, ChatRequest, Refusal

from ..admission import AtCapacity
from ..dialog.desk import ChatFailed, DialogDesk, Stats
from ..dialog.hearing import Hearing
from ..gateway import Gateway
from ..graph_host import GraphFailed
from .dialog_sockets import add_sockets, detail

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
T = TypeVar("T")


def _events(stream: AsyncIterator[str]) -> Response:
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter(tags=["dialog engine"])
    desk = DialogDesk(gateway)
    add_sockets(routes, gateway, desk)

    @routes.post("/chat/stream", summary="A typed question, answered as server-sent events")
    async def chat_stream(request: Request) -> Response:
        try:
            asked = dialog.parse_chat(await request.body())
        except Refusal as refusal:
            return detail(refusal)
        return _events(_answer(desk, asked, Stats(clock.now_ms())))

    @routes.post("/chat/audio", summary="A spoken question as a file, answered as one object")
    async def chat_audio(request: Request) -> Response:
        try:
            asked = dialog.parse_audio(await request.body())
            return JSONResponse(await _unless_gone(request, _whole_answer(gateway, desk, asked)))
        except Refusal as refusal:
            return detail(refusal)
        except (ChatFailed, AtCapacity, GraphFailed):
            return detail(Refusal(502, "chat_failed"))

    @routes.post("/chat/audio/stream", summary="The same as server-sent events, with partial transcripts as they come")
    async def chat_audio_stream(request: Request) -> Response:
        try:
            asked = dialog.parse_audio(await request.body())
            hearing = Hearing(gateway, asked)
            first = await _unless_gone(request, hearing.first())
        except Refusal as refusal:
            return detail(refusal)
        return _events(_heard_and_answered(desk, asked, hearing, first))

    return routes


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Work for a client that waits for it; one that hangs up has it stopped."""

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass  # the body was read before

    loop = asyncio.get_running_loop()
    working, leaving = loop.create_task(work), loop.create_task(hung_up())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


# --- answering --------------------------------------------------------------------------------------------------------


def _as_event(message: Mapping[str, Any]) -> list[str]:
    kind = message.get("type")
    if kind == "assistant_text" and message.get("delta") and not message.get("reasoning"):
        return [dialog.sse("text-delta", {"content": message["delta"], "eos": False})]
    if kind == "viseme":
        return [dialog.sse("viseme", _viseme(v)) for v in message.get("visemes", [])]
    if kind == "audio_start":
        return [dialog.sse("control", {"action": "HINT_TTS_START"})]
    return []


def _viseme(v: Mapping[str, Any]) -> dict[str, Any]:
    """A voice that knows no phonemes still knows the shape of the mouth."""
    phoneme = v.get("phoneme") or v["viseme"]
    return {"phoneme": phoneme, "startMs": v["start_ms"], "durMs": v["duration_ms"], "viseme": v["viseme"]}


async def _whole_answer(gateway: Gateway, desk: DialogDesk, asked: AudioRequest) -> dict[str, Any]:
    hearing = Hearing(gateway, asked)
    async with aclosing(hearing):
        await hearing.finish()
    stats = Stats(clock.now_ms())
    async with aclosing(desk.ask(asked.question(hearing.transcript), stats)) as reply:
        async for _ in reply:
            pass
    body = {"sessionId": asked.session_id, "transcript": hearing.transcript, "reply": stats.text}
    return {**body, "stats": hearing.stats(stats), "partials": hearing.partials}


async def _answer(desk: DialogDesk, asked: ChatRequest, stats: Stats) -> AsyncIterator[str]:
    try:
        async with aclosing(desk.ask(asked, stats)) as reply:
            async for message in reply:
                for event in _as_event(message):
                    yield event
    except (ChatFailed, AtCapacity, GraphFailed):
        yield dialog.sse("error", {"message": "chat_failed"})
        return
    yield dialog.sse("done", {"stats": stats.body()})


async def _heard_and_answered(
    desk: DialogDesk, asked: AudioRequest, hearing: Hearing, first: Mapping[str, Any]
) -> AsyncIterator[str]:
    result: Mapping[str, Any] | None = first
    try:
        async with aclosing(hearing):
            while result is not None:
                if not result.get("final"):
                    yield dialog.sse("asr-partial", {"text": result.get("text", "")})
                result = await hearing.next_or_end()
    except Refusal as refusal:
        yield dialog.sse("error", {"message": refusal.detail})
        return
    yield dialog.sse("asr-final", {"text": hearing.transcript})
    stats = Stats(clock.now_ms())
    async with aclosing(_answer(desk, asked.question(hearing.transcript), stats)) as events:
        async for event in events:
            if not event.startswith("event: done"):
                yield event
                if event.startswith("event: error"):
                    return
    body = {"sessionId": asked.session_id, "transcript": hearing.transcript, "reply": stats.text}
    yield dialog.sse("done", {**body, "stats": hearing.stats(stats)})
