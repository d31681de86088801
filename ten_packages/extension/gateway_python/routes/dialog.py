"""The dialog-engine contract: `/chat/...`, `/tts/mock`, `/control/stop`, `/ws/ingest/tts`, `/ws/output/{id}`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import JSONResponse, Response, StreamingResponse
from stream_talk import clock
from stream_talk.wire import dialog
from stream_talk.wire.dialog import AudioRequest, Refusal

from .. import audio_files, stages, transcripts
from ..audio_files import BadAudio
from ..client_socket import ClientSocket
from ..dialog.desk import ChatFailed, DialogDesk, Stats
from ..gateway import AtCapacity, Gateway
from ..graph_host import GraphFailed
from ..stages import StageFailed

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_CLOSE_BAD_TASK = 4004
_MOCK_PCM = bytes(24_000 * 2 * 40 // 1000)


def _detail(refusal: Refusal) -> JSONResponse:
    return JSONResponse({"detail": refusal.detail}, status_code=refusal.status)


def _events(stream: AsyncIterator[str]) -> Response:
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter(tags=["dialog engine"])
    desk = DialogDesk(gateway)
    _sockets(routes, gateway, desk)

    @routes.post("/chat/stream", summary="A typed question, answered as server-sent events")
    async def chat_stream(request: Request) -> Response:
        try:
            asked = dialog.parse_chat(await request.body())
        except Refusal as refusal:
            return _detail(refusal)
        return _events(_answer(desk, asked.session_id, asked.content, asked.language, Stats(clock.now_ms())))

    @routes.post("/chat/audio", summary="A spoken question as a file, answered as one object")
    async def chat_audio(request: Request) -> Response:
        try:
            asked = dialog.parse_audio(await request.body())
            hearing = _Hearing(gateway, asked)
            await hearing.finish()
            stats = Stats(clock.now_ms())
            async with aclosing(desk.ask(asked.session_id, hearing.transcript, asked.language, stats)) as reply:
                async for _ in reply:
                    pass
        except Refusal as refusal:
            return _detail(refusal)
        except (ChatFailed, AtCapacity, GraphFailed):
            return _detail(Refusal(502, "chat_failed"))
        body = {"sessionId": asked.session_id, "transcript": hearing.transcript, "reply": stats.text}
        return JSONResponse({**body, "stats": hearing.stats(stats), "partials": hearing.partials})

    @routes.post("/chat/audio/stream", summary="The same as server-sent events, with partial transcripts as they come")
    async def chat_audio_stream(request: Request) -> Response:
        try:
            asked = dialog.parse_audio(await request.body())
            hearing = _Hearing(gateway, asked)
            first = await hearing.first()
        except Refusal as refusal:
            return _detail(refusal)
        return _events(_heard_and_answered(desk, asked, hearing, first))

    @routes.post("/tts/mock", summary="Sound without an engine, for measuring how fast a stop is")
    async def tts_mock(request: Request) -> Response:
        try:
            wanted = dialog.parse_mock(await request.body())
        except Refusal as refusal:
            return _detail(refusal)
        gateway.soon(lambda: _mock(desk, wanted))
        return JSONResponse({"ok": True, "sessionId": wanted.session_id})

    return routes


# --- answering --------------------------------------------------------------------------------------------------------


def _as_event(message: Mapping[str, Any]) -> list[str]:
    kind = message.get("type")
    if kind == "assistant_text" and message.get("delta") and not message.get("reasoning"):
        return [dialog.sse("text-delta", {"content": message["delta"], "eos": False})]
    if kind == "viseme":
        return [
            dialog.sse("viseme", {"phoneme": v["viseme"], "startMs": v["start_ms"], "durMs": v["duration_ms"]})
            for v in message.get("visemes", [])
        ]
    if kind == "audio_start":
        return [dialog.sse("control", {"action": "HINT_TTS_START"})]
    return []


async def _answer(desk: DialogDesk, session_id: str, text: str, language: str, stats: Stats) -> AsyncIterator[str]:
    try:
        async with aclosing(desk.ask(session_id, text, language, stats)) as reply:
            async for message in reply:
                for event in _as_event(message):
                    yield event
    except (ChatFailed, AtCapacity, GraphFailed):
        yield dialog.sse("error", {"message": "chat_failed"})
        return
    yield dialog.sse("done", {"stats": stats.body()})


async def _heard_and_answered(
    desk: DialogDesk, asked: AudioRequest, hearing: _Hearing, first: Mapping[str, Any]
) -> AsyncIterator[str]:
    result: Mapping[str, Any] | None = first
    try:
        while result is not None:
            if not result.get("final"):
                yield dialog.sse("asr-partial", {"text": result.get("text", "")})
            result = await hearing.next_or_end()
    except Refusal as refusal:
        yield dialog.sse("error", {"message": refusal.detail})
        return
    yield dialog.sse("asr-final", {"text": hearing.transcript})
    stats = Stats(clock.now_ms())
    async with aclosing(_answer(desk, asked.session_id, hearing.transcript, asked.language, stats)) as events:
        async for event in events:
            if not event.startswith("event: done"):
                yield event
                if event.startswith("event: error"):
                    return
    body = {"sessionId": asked.session_id, "transcript": hearing.transcript, "reply": stats.text}
    yield dialog.sse("done", {**body, "stats": hearing.stats(stats)})


class _Hearing:
    """The recognition of one recording: partials as they come, then the whole. Raises `Refusal`."""

    def __init__(self, gateway: Gateway, asked: AudioRequest) -> None:
        self.partials: list[str] = []
        self._gateway = gateway
        self._asked = asked
        self._results: AsyncIterator[Mapping[str, Any]] | None = None
        self._finals: list[Mapping[str, Any]] = []
        self._started_ms = clock.now_ms()
        self._ended_ms = self._started_ms
        self._seconds = 0.0

    @property
    def transcript(self) -> str:
        return transcripts.whole_text(self._finals)

    async def first(self) -> Mapping[str, Any]:
        """The first result that says something."""
        while True:
            result = await self.next_or_end()
            if result is None:
                raise Refusal(502, "empty transcript")
            if str(result.get("text", "")).strip():
                return result

    async def next_or_end(self) -> Mapping[str, Any] | None:
        try:
            self._results = self._results or await self._begin()
            result = await anext(self._results, None)
        except (StageFailed, GraphFailed):
            raise Refusal(502, "asr_failed") from None
        self._ended_ms = clock.now_ms()
        if result is None:
            if not self.transcript:
                raise Refusal(502, "empty transcript")
        elif result.get("final"):
            self._finals.append(result)
        else:
            self.partials.append(str(result.get("text", "")))
        return result

    async def _begin(self) -> AsyncIterator[Mapping[str, Any]]:
        try:
            pcm = await audio_files.decode(self._asked.audio, max_seconds=dialog.MAX_AUDIO_SECONDS)
        except BadAudio as bad:
            too_long = "longer" in str(bad)
            raise Refusal(
                413 if too_long else 400, "audio payload too large" if too_long else "unsupported audio"
            ) from None
        self._seconds = len(pcm) / 2 / audio_files.TARGET_RATE_HZ
        graph = self._gateway.config.default_graph
        return stages.transcribe(self._gateway.host, graph, pcm, language=self._asked.language)

    async def finish(self) -> None:
        while await self.next_or_end() is not None:
            pass

    def stats(self, chat: Stats) -> dict[str, Any]:
        now_ms = clock.now_ms()
        latency_ms = round(self._ended_ms - self._started_ms, 1)
        asr = {"provider": "stream-talk", "latency_ms": latency_ms, "duration_seconds": round(self._seconds, 2)}
        chat_body = {**chat.body(), "latency_ms": round(now_ms - chat.asked_ms, 1)}
        return {"asr": asr, "chat": chat_body, "total_latency_ms": round(now_ms - self._started_ms, 1)}


# --- sockets ----------------------------------------------------------------------------------------------------------


def _sockets(routes: APIRouter, gateway: Gateway, desk: DialogDesk) -> None:
    engines: dict[str, WebSocket] = {}

    @routes.post("/control/stop", summary="Stop what a conversation is saying")
    async def stop(request: Request) -> Response:
        try:
            session_id = dialog.parse_session(await request.body())
        except Refusal as refusal:
            return _detail(refusal)
        await desk.stop(session_id)
        engine = engines.get(session_id)
        if engine is not None:
            await engine.send_text(dialog.stop_command(session_id))
        return JSONResponse({"ok": True})

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
                    desk.outputs.sound(item.session_id, item.pcm, item.seq)
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
