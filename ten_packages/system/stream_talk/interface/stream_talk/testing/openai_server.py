"""An OpenAI-compatible chat server that does what it is told: delays, stalls, errors, nonsense; and notices when a client leaves.

It speaks real HTTP/1.1 on 127.0.0.1 from a thread of its own, so that any client can use it, whatever its event loop does.

    with OpenAiServer(Reply(tokens=["Hel", "lo."])) as server:
        ...  # talk to server.base_url
    assert server.requests[0].body["model"] == "tiny"
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stream_talk import clock
from stream_talk.testing.server_thread import ServerThread


@dataclass
class Reply:
    """What the server does with one chat completion. The defaults are a well-behaved server."""

    tokens: Sequence[str] = ("Hello", " there", ".")
    reasoning: Sequence[str] = ()
    reasoning_field: str = "reasoning_content"
    tool_calls: Sequence[tuple[str, dict[str, Any]]] = ()
    """Name and arguments; streamed in fragments, interleaved."""
    usage: bool = True
    first_token_delay_ms: float = 0.0
    token_delay_ms: float = 0.0
    stall_after: int | None = None
    """Say nothing more after this many tokens, and keep the connection open."""
    drop_after: int | None = None
    """Close the connection after this many tokens, in the middle of the reply."""
    error_after: int | None = None
    """After this many tokens send an error object inside the stream, as servers do that already answered 200."""
    status: int = 200
    error: Mapping[str, Any] | str = ""
    retry_after_s: float | None = None
    plain_json: bool = False
    """Ignore `stream` and answer with one JSON object."""
    raw: bytes | None = None
    """Send exactly this body instead of anything sensible."""
    content_type: str = "text/event-stream"
    refuse_connection: bool = False
    """Close the connection without a byte, once the request was read."""
    reject_fields: Sequence[str] = ()
    """Answer 400 while the request carries one of these."""


@dataclass
class ChatRequest:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int
    tokens_sent: int = 0
    finished: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set as soon as the server sees that the client has gone."""


class OpenAiServer(ServerThread):
    """Replies are used in turn; the last one is used again and again."""

    def __init__(self, *replies: Reply, models: Sequence[str] = ("tiny",), loaded: Sequence[str] | None = None) -> None:
        super().__init__()
        self.replies = list(replies) or [Reply()]
        self.models = list(models)
        self.loaded = loaded
        self.requests: list[ChatRequest] = []
        self.paths: list[str] = []
        self.connections = 0
        self.chat_arrived = threading.Event()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[ChatRequest]:
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (request := await _read_request(reader, connection)) is not None:
                self.requests.append(request)
                if not await self._answer(request, reader, writer):
                    return

    async def _answer(self, request: ChatRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """False when the connection is over."""
        path = request.path
        if path.endswith("/chat/completions"):
            self.chat_arrived.set()
            return await self._chat(request, reader, writer)
        if path.endswith("/models") and "/api/v0" in path and self.loaded is not None:
            states = [{"id": name, "state": "loaded" if name in self.loaded else "not-loaded"} for name in self.models]
            _write_json(writer, 200, {"object": "list", "data": states})
        elif path.endswith("/api/ps") and self.loaded is not None:
            _write_json(writer, 200, {"models": [{"name": name, "model": name} for name in self.loaded]})
        elif path == "/v1/models":
            _write_json(
                writer, 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
            )
        else:
            _write_json(writer, 404, {"error": {"message": f"no such path: {path}"}})
        await writer.drain()
        return True

    async def _chat(self, request: ChatRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        refused = next((name for name in reply.reject_fields if name in request.body), None)
        if reply.refuse_connection:
            return False
        if refused is not None:
            _write_json(
                writer, 400, {"error": {"message": f"Unrecognized request argument: {refused}", "param": refused}}
            )
        elif reply.status != 200:
            extra = {"Retry-After": f"{reply.retry_after_s:g}"} if reply.retry_after_s is not None else {}
            error = {"error": reply.error} if isinstance(reply.error, Mapping) else {"error": {"message": reply.error}}
            if reply.stall_after == 0:  # the head of the answer and never its body
                _write_head(writer, reply.status, "application/json", {"Content-Length": "100"})
                await writer.drain()
                await asyncio.Event().wait()
            _write_json(writer, reply.status, error, extra)
        elif request.body.get("model") not in self.models:
            message = f"The model `{request.body.get('model')}` does not exist"
            _write_json(writer, 404, {"error": {"message": message, "code": "model_not_found"}})
        elif reply.raw is not None:
            _write_head(writer, 200, reply.content_type, {"Content-Length": str(len(reply.raw))})
            writer.write(reply.raw)
        elif reply.plain_json:
            _write_json(writer, 200, _whole_reply(reply))
        else:
            return await self._stream(request, reply, reader, writer)
        await writer.drain()
        return True

    async def _stream(
        self, request: ChatRequest, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Speak until the end or until the client has gone, whichever is first."""
        speaking = asyncio.ensure_future(self._speak(request, reply, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if speaking.done():
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leaving
            return speaking.result()
        speaking.cancel()
        request.cancelled.set()
        return False

    async def _speak(self, request: ChatRequest, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        _write_head(writer, 200, reply.content_type, {"Transfer-Encoding": "chunked"})
        await writer.drain()
        await clock.sleep_ms(reply.first_token_delay_ms)
        _write_event(writer, _delta({"role": "assistant", "content": ""}))
        for delta in _deltas(reply):
            if request.tokens_sent == reply.stall_after:
                await asyncio.Event().wait()
            if request.tokens_sent == reply.drop_after:
                return False
            if request.tokens_sent == reply.error_after:
                _write_event(writer, {"error": {"message": "the model crashed", "type": "server_error"}})
                return await _end(writer)
            _write_event(writer, _delta(delta))
            await writer.drain()
            request.tokens_sent += 1
            await clock.sleep_ms(reply.token_delay_ms)
        _write_event(writer, _delta({}, finish_reason="tool_calls" if reply.tool_calls else "stop"))
        if reply.usage and (request.body.get("stream_options") or {}).get("include_usage"):
            _write_event(writer, {"choices": [], "usage": _usage(reply)})
        request.finished = True
        return await _end(writer)


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    for thought in reply.reasoning:
        yield {reply.reasoning_field: thought}
    for token in reply.tokens:
        yield {"content": token}
    written = [json.dumps(arguments) for _, arguments in reply.tool_calls]
    for index, (name, _) in enumerate(reply.tool_calls):
        function = {"name": name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}
    for start in range(0, max(map(len, written), default=0), 5):
        for index, text in enumerate(written):
            if text[start : start + 5]:
                yield {"tool_calls": [{"index": index, "function": {"arguments": text[start : start + 5]}}]}


def _delta(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "tiny", "choices": [choice]}


def _whole_reply(reply: Reply) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(reply.tokens)}
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(reply),
    }


def _usage(reply: Reply) -> dict[str, int]:
    return {"prompt_tokens": 7, "completion_tokens": len(reply.tokens), "total_tokens": 7 + len(reply.tokens)}


async def _read_request(reader: asyncio.StreamReader, connection: int) -> ChatRequest | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return ChatRequest(first.split(" ")[1], headers, json.loads(body) if body else {}, connection)


def _write_head(writer: asyncio.StreamWriter, status: int, content_type: str, extra: Mapping[str, str]) -> None:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {content_type}",
        *(f"{name}: {value}" for name, value in extra.items()),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def _write_json(
    writer: asyncio.StreamWriter, status: int, body: Mapping[str, Any], extra: Mapping[str, str] | None = None
) -> None:
    data = json.dumps(body).encode()
    _write_head(writer, status, "application/json", {"Content-Length": str(len(data)), **(extra or {})})
    writer.write(data)


def _write_event(writer: asyncio.StreamWriter, event: Mapping[str, Any]) -> None:
    data = f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


async def _end(writer: asyncio.StreamWriter) -> bool:
    data = b"data: [DONE]\n\n"
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n")
    await writer.drain()
    return True
