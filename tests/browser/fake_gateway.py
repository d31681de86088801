"""A server that speaks `/v1/talk` word for word and says exactly what a test wants said, when it wants it said.

It serves the page under the same security policy as the gateway. Tests drive it from their own thread: `gateway.say(...)`,
`gateway.play(...)`, `gateway.drop()`; what the client sent lies in `gateway.received`, and in `gateway.refused` what the real
server would not have accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect
from stream_talk import clock
from stream_talk.wire.frames import FLAG_FIRST, FLAG_LAST, FLAG_MOVED, REPLY, AudioFrame
from stream_talk.wire.talk import Refused, TalkConnection, TalkLimits

from ten_packages.extension.gateway_python.guard import CONTENT_SECURITY_POLICY

WEB = Path(__file__).resolve().parents[2] / "apps" / "web"
RATE_HZ = 24_000
FRAME = RATE_HZ // 50
UNSEQUENCED = {"ready", "stats", "pong", "error", "bye"}


def offered(
    name: str, title: dict[str, str], *, reason: str | None = None, remedy: str | None = None
) -> dict[str, Any]:
    description = {"en": f"What {title['en']} is good for"}
    runs = {"needs": [], "available": reason is None, "reason": reason, "remedy": remedy}
    return {"name": name, "title": title, "description": description, **runs}


GRAPHS = [
    offered("embedded", {"en": "Embedded", "zh": "内置"}),
    offered("kokoro", {"en": "Kokoro voice"}),
    offered("mlx", {"en": "Apple Silicon"}, reason="Needs a Mac.", remedy="Use the embedded graph."),
]


def voice_like(duration_ms: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Sound with syllables: a gliding tone that swells four times a second."""
    time_s = np.arange(int(RATE_HZ * duration_ms / 1000)) / RATE_HZ
    swell = np.sin(np.pi * 2.1 * time_s) ** 2
    tone = np.sin(2 * np.pi * (180 + 30 * np.sin(3 * time_s)) * time_s) + 0.4 * np.sin(2 * np.pi * 540 * time_s)
    return (tone * swell * 9000).astype(np.int16)


class FakeGateway:
    def __init__(self, port: int = 0) -> None:
        self.received: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.sound = bytearray()
        self.sound_seqs: list[int] = []
        self.connections = 0
        self.token = ""
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.forgets = False
        self.unreachable = False
        self.is_slow = False
        self.policy = CONTENT_SECURITY_POLICY
        self.memories: list[dict[str, Any]] | None = None
        self.conversations: list[dict[str, Any]] = []
        self.seq = 0
        self.kept: list[tuple[int, str | bytes]] = []
        self._socket: WebSocket | None = None
        self._loop = asyncio.new_event_loop()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)  # from here on nobody is refused, however early they come
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app(), log_level="error", lifespan="off", ws_per_message_deflate=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def talk_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/talk"

    # What a test tells it to do.

    def say(self, kind: str, **fields: Any) -> None:
        self._run(self._send({"type": kind, "ts_ms": 0, "session_id": "s_fake", **fields}))

    def play(self, generation: int, duration_ms: float, *, turn_id: int = 1, last: bool = True) -> None:
        """A reply's sound, all at once: as far ahead as a real server would go."""
        request_id = f"r{generation}"
        self.say("audio_start", request_id=request_id, turn_id=turn_id, generation=generation)
        pcm = voice_like(duration_ms)
        self._run(self._send_sound(generation, pcm, last))
        if last:
            end = {"request_id": request_id, "turn_id": turn_id, "generation": generation}
            self.say("audio_end", total_ms=duration_ms, reason="finished", **end)

    def reply(self, text: str, *, generation: int, turn_id: int, duration_ms: float = 2000, last: bool = True) -> None:
        """A whole reply: text, evenly spoken words, and their sound."""
        common = {"generation": generation, "request_id": f"r{generation}", "turn_id": turn_id}
        self.say("state", state="speaking", turn_id=turn_id)
        self.say("assistant_text", text=text, delta=text, final=True, reasoning=False, **common)
        words = text.split() if " " in text else [c for c in text if c.isalnum()]
        step = duration_ms / len(words)
        timed = [{"word": w.strip(".,!?"), "start_ms": i * step, "duration_ms": step} for i, w in enumerate(words)]
        self.say("words", request_id=f"r{generation}", turn_id=turn_id, words=timed)
        self.play(generation, duration_ms, turn_id=turn_id, last=last)

    def hear(
        self, text: str, *, turn_id: int, start_ms: float = 0, duration_ms: float = 400, final: bool = True
    ) -> None:
        self.say("user_text", text=text, final=final, stable_chars=len(text) if final else len(text) // 2, start_ms=start_ms,
                 duration_ms=duration_ms, language="en-US", words=[], source="speech", turn_id=turn_id)  # fmt: skip

    def prepare_memory(self) -> None:
        self.memories = [
            {"id": 1, "text": "You like astronomy"},
            {"id": 2, "text": "Your sister Ana lives in Porto"},
            {"id": 3, "text": "You drink your coffee without sugar"},
        ]
        self.conversations = [
            {"session_id": "s_1", "title": "The moon and the sun"},
            {"session_id": "s_0", "title": "Plans for Sunday"},
        ]

    def drop(self) -> None:
        """The line breaks without a word."""
        self._run(self._break())

    def close(self, code: int, message: dict[str, Any] | None = None) -> None:
        self._run(self._close(code, message))

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in list(self.received) if message["type"] == kind]

    def now_ms(self) -> float:
        return float(self._run(_now()))

    def stop(self) -> None:
        self.is_slow = False
        self._server.should_exit = True
        self._thread.join(timeout=5)

    # How it does it.

    def _serve(self, listener: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[listener]))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def _app(self) -> Starlette:
        app = Starlette(
            routes=[
                WebSocketRoute("/v1/talk", self._talk),
                Route("/v1/graphs", self._graphs),
                Route(
                    "/v1/voices",
                    lambda _: JSONResponse({"voices": [{"id": "anna", "name": "Anna"}, {"id": "ben", "name": "Ben"}]}),
                ),
                Route("/v1/memory/items", self._memory_items),
                Route("/v1/memory/items/{id}", self._memory_item, methods=["PATCH", "DELETE"]),
                Route("/v1/memory/conversations", self._memory_conversations),
                Route("/v1/memory/export", self._memory_export),
                Route("/v1/memory", self._memory_forget, methods=["DELETE"]),
                Mount("/", StaticFiles(directory=WEB, html=True)),
            ]
        )
        app.add_middleware(BaseHTTPMiddleware, dispatch=self._with_policy)
        return app

    async def _with_policy(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        if self.policy:
            response.headers["Content-Security-Policy"] = self.policy
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _graphs(self, request: Request) -> Response:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"error": {"code": "token", "message": "a token is needed"}}, status_code=401)
        return JSONResponse({"default": "embedded", "graphs": GRAPHS})

    async def _memory_items(self, request: Request) -> Response:
        if self.memories is None:
            return JSONResponse({"error": {"code": "not_found", "message": "no memory"}}, status_code=404)
        query = request.query_params.get("query", "")
        return JSONResponse({"items": [item for item in self.memories if query in item["text"]]})

    async def _memory_item(self, request: Request) -> Response:
        assert self.memories is not None
        number = request.path_params["id"]
        if request.method == "DELETE":
            self.memories = [item for item in self.memories if str(item["id"]) != number]
            return Response(status_code=204)
        body = await request.json()
        self.memories = [{**item, **body} if str(item["id"]) == number else item for item in self.memories]
        return JSONResponse({})

    async def _memory_conversations(self, _request: Request) -> Response:
        if self.memories is None:
            return JSONResponse({"error": {"code": "not_found", "message": "no memory"}}, status_code=404)
        return JSONResponse({"conversations": self.conversations})

    async def _memory_export(self, _request: Request) -> Response:
        return JSONResponse({"conversations": self.conversations, "items": self.memories})

    async def _memory_forget(self, _request: Request) -> Response:
        self.memories, self.conversations = [], []
        return JSONResponse({"deleted": True})

    async def _talk(self, ws: WebSocket) -> None:
        offered = ws.scope.get("subprotocols", [])
        if self.token and f"stream-talk.token.{self.token}" not in offered:
            await ws.close(1008)
            return
        if self.unreachable:
            await ws.close(1013)
            return
        await ws.accept(subprotocol="stream-talk.v1" if "stream-talk.v1" in offered else None)
        self.connections += 1
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            if self.refusal is not None:
                code, message = self.refusal
                await ws.send_text(json.dumps({"type": "error", "fatal": True, **message}))
                await ws.close(code, message["code"])
                return
            first = json.loads(await ws.receive_text())
            while self.is_slow:
                await clock.sleep_ms(20)
            await self._open(ws, first)
            while True:
                await self._take(await ws.receive())

    async def _open(self, ws: WebSocket, first: dict[str, Any]) -> None:
        self._judge = TalkConnection(TalkLimits())
        self._check(first)
        self._judge.opened(16_000)
        self.received.append(first)
        self._socket = ws
        resumed = first["type"] == "resume"
        if resumed and self.forgets:
            await self._close(4410, {"type": "error", "fatal": True, "code": "resume_unknown", "text": "gone"})
            return
        if not resumed:
            self.seq = 0
            self.kept = []
            self.sound_seqs = []
        ready = {
            "protocol": 1, "server": "fake/1", "session_id": "s_fake", "resume_token": f"t{self.connections}", "resume_window_ms": 30000,
            "resumed": resumed, "conversation": first.get("conversation") or "fake-conversation",
            "input_seq": max(self.sound_seqs, default=0), "graph": first.get("graph") or "embedded", "graphs": GRAPHS,
            "input": {"sample_rate_hz": 16000}, "output": {"sample_rate_hz": RATE_HZ, "frame_ms": 20, "lead_ms": 2000}, "limits": {},
            "server_ts_ms": clock.now_ms(),
        }  # fmt: skip
        await self._send({"type": "ready", **ready})
        if resumed:
            for item in self._missed(first):
                await self._deliver(item)
        else:
            await self._send({"type": "state", "state": "listening", "turn_id": 0})

    def _missed(self, resume: dict[str, Any]) -> list[str | bytes]:
        """What came after `last_seq`; and of a reply whose sound was lost, everything from the sample that was heard last."""
        played = resume.get("played")
        if played is None:
            return [item for seq, item in self.kept if seq > resume["last_seq"]]
        generation, heard = played["generation"], int(played["played_ms"] * RATE_HZ / 1000)
        items: list[str | bytes] = []
        for seq, item in self.kept:
            if isinstance(item, str):
                items += [item] if seq > resume["last_seq"] else []
                continue
            frame = AudioFrame.decode(item)
            if frame.generation == generation and frame.position + frame.samples > heard:
                drop = max(0, heard - frame.position)
                flags = FLAG_MOVED if drop else frame.flags
                moved = dataclasses.replace(
                    frame, position=frame.position + drop, pcm=frame.pcm[2 * drop :], flags=flags
                )
                items.append(moved.encode())
        return items

    async def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1006))
        if event.get("bytes") is not None:
            frame = AudioFrame.decode(event["bytes"])
            self.sound_seqs.append(frame.seq)
            self.sound += frame.pcm
            return
        message = json.loads(event["text"])
        self._check(message)
        self.received.append(message)
        if message["type"] == "ping":
            await self._send({"type": "pong", "client_ts_ms": message["client_ts_ms"], "server_ts_ms": clock.now_ms()})
        if message["type"] == "bye":
            await self._close(1000, {"type": "bye", "reason": "client", "text": "", "can_resume": False})

    def _check(self, message: dict[str, Any]) -> None:
        """By the rules of the real server: a stand-in that takes anything would hide what a page must not send."""
        verdict = self._judge.receive_text(json.dumps(message), clock.now_ms())
        if isinstance(verdict, Refused):
            self.refused.append({"message": message, "answer": verdict.answer})

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] in UNSEQUENCED:
            item = json.dumps(message)
        else:
            self.seq += 1
            item = json.dumps({"seq": self.seq, **message})
            self.kept.append((self.seq, item))
        await self._deliver(item)

    async def _send_sound(self, generation: int, pcm: np.ndarray[Any, np.dtype[np.int16]], last: bool) -> None:
        starts = range(0, len(pcm), FRAME)
        for start in starts:
            self.seq += 1
            flags = (FLAG_FIRST if start == 0 else 0) | (FLAG_LAST if last and start == starts[-1] else 0)
            item = AudioFrame(REPLY, self.seq, generation, start, pcm[start : start + FRAME].tobytes(), flags).encode()
            self.kept.append((self.seq, item))
            await self._deliver(item)

    async def _deliver(self, item: str | bytes) -> None:
        """While the line is broken things happen all the same; they are kept for the resume."""
        if self._socket is None:
            return
        await (self._socket.send_text(item) if isinstance(item, str) else self._socket.send_bytes(item))

    async def _break(self) -> None:
        ws, self._socket = self._socket, None
        if ws is not None:
            await ws.close(1012)

    async def _close(self, code: int, message: dict[str, Any] | None) -> None:
        ws, self._socket = self._socket, None
        if ws is None:
            return
        if message is not None:
            await ws.send_text(json.dumps(message))
        await ws.close(code)


async def _now() -> float:
    return clock.now_ms()
