"""LM Studio's WebSocket protocol, faithful enough for its own SDK: models that load with progress, predictions that stream and stop.

with LmStudioServer(Reply(tokens=["Hi."]), downloaded=["qwen"], loaded=[]) as server:
    ...  # lmstudio.AsyncClient(server.host)
assert server.predictions[0].cancelled.is_set()
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from stream_talk import clock
from stream_talk.testing.openai_server import Reply
from stream_talk.testing.server_thread import ServerThread

Json = dict[str, Any]


@dataclass
class Prediction:
    """One request for a reply. `reasoning`, `tokens` and `tool_calls` of the `Reply` are streamed; `stall_after`, `drop_after` and
    `error_after` count tokens as they do for the OpenAI server."""

    model: str
    history: list[Json]
    config: dict[str, Any]
    tokens_sent: int = 0
    finished: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)


class LmStudioServer(ServerThread):
    def __init__(
        self,
        *replies: Reply,
        downloaded: Sequence[str] = ("tiny",),
        loaded: Sequence[str] = (),
        load_steps: int = 4,
        load_step_ms: float = 0.0,
        refuse_auth: bool = False,
    ) -> None:
        super().__init__()
        self.replies = list(replies) or [Reply()]
        self.downloaded = list(downloaded)
        self.loaded = list(loaded)
        self.load_steps, self.load_step_ms = load_steps, load_step_ms
        self.refuse_auth = refuse_auth
        self.predictions: list[Prediction] = []
        self.loads: list[Json] = []
        self.prediction_arrived = threading.Event()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, ready: threading.Event, stopping: asyncio.Event) -> None:
        async with serve(self._session, "127.0.0.1", self.port, process_request=self._greet) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            ready.set()
            await stopping.wait()
            server.close()

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/lmstudio-greeting":
            return None
        response = connection.respond(HTTPStatus.OK, json.dumps({"lmstudio": True}))
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    async def _session(self, connection: ServerConnection) -> None:
        namespace = (connection.request.path if connection.request else "").strip("/")
        try:
            auth = json.loads(await connection.recv())
            accepted = auth.get("authVersion") == 1 and not self.refuse_auth
            await _send(connection, {"success": True} if accepted else {"success": False, "error": "not accepted"})
            if accepted:
                await self._talk(connection, namespace)
        except ConnectionClosed:
            return

    async def _talk(self, connection: ServerConnection, namespace: str) -> None:
        channels: dict[int, asyncio.Task[None]] = {}
        predictions: dict[int, Prediction] = {}
        try:
            async for text in connection:
                message = json.loads(text)
                kind = message["type"]
                if kind == "rpcCall":
                    await _send(connection, self._answer_call(namespace, message))
                elif kind == "channelCreate":
                    channel = message["channelId"]
                    channels[channel] = asyncio.ensure_future(self._open_channel(connection, message, predictions))
                elif kind == "channelSend" and message["message"].get("type") == "cancel":
                    prediction = predictions.get(message["channelId"])
                    if prediction is not None:
                        prediction.cancelled.set()
        finally:
            for task in channels.values():
                task.cancel()

    # --- calls ----------------------------------------------------------------------------------------------------

    def _answer_call(self, namespace: str, message: Json) -> Json:
        answers: dict[tuple[str, str], list[Json]] = {
            ("system", "listDownloadedModels"): [_info(key) for key in self.downloaded],
            ("llm", "listLoaded"): [_instance(key) for key in self.loaded],
            ("embedding", "listLoaded"): [],
        }
        answer = answers.get((namespace, message["endpoint"]))
        if answer is None:
            error = {"title": f"{namespace} has no {message['endpoint']}"}
            return {"type": "rpcError", "callId": message["callId"], "error": error}
        return {"type": "rpcResult", "callId": message["callId"], "result": answer}

    # --- channels -------------------------------------------------------------------------------------------------

    async def _open_channel(
        self, connection: ServerConnection, message: Json, predictions: dict[int, Prediction]
    ) -> None:
        channel, parameter = message["channelId"], message["creationParameter"]
        sender = _Channel(connection, channel)
        if message["endpoint"] == "predict":
            await self._predict(sender, parameter, predictions)
        elif message["endpoint"] in ("getOrLoad", "loadModel"):
            await self._load(sender, parameter)
        else:
            await sender.fail(f"no endpoint {message['endpoint']}")

    async def _load(self, sender: _Channel, parameter: Json) -> None:
        key = parameter.get("identifier") or parameter.get("modelKey")
        self.loads.append(parameter)
        if key in self.loaded:
            await sender.send(
                {"type": "alreadyLoaded", "identifier": key, "fullInfo": _instance(key), "info": _instance(key)}
            )
            await sender.close()
            return
        if key not in self.downloaded:
            await sender.fail(f"Model not found: {key}")
            return
        await sender.send({"type": "resolved", "info": _info(key)})
        await sender.send({"type": "startLoading", "identifier": key, "info": _info(key)})
        for step in range(1, self.load_steps + 1):
            await clock.sleep_ms(self.load_step_ms)
            await sender.send({"type": "loadProgress", "progress": step / self.load_steps})
        self.loaded.append(key)
        await sender.send({"type": "loadSuccess", "info": _instance(key)})
        await sender.close()

    async def _predict(self, sender: _Channel, parameter: Json, predictions: dict[int, Prediction]) -> None:
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        fields = [
            entry for layer in parameter["predictionConfigStack"]["layers"] for entry in layer["config"]["fields"]
        ]
        prediction = Prediction(
            parameter["modelSpecifier"]["query"]["identifier"],
            parameter["history"]["messages"],
            {entry["key"]: entry.get("value") for entry in fields},
        )
        predictions[sender.channel] = prediction
        self.predictions.append(prediction)
        self.prediction_arrived.set()
        await _sleep_until_cancelled(prediction, reply.first_token_delay_ms)
        for item in _messages(reply):
            if prediction.cancelled.is_set():
                break
            if prediction.tokens_sent == reply.stall_after:
                await _sleep_until_cancelled(prediction, float("inf"))
                break
            if prediction.tokens_sent == reply.drop_after:
                await sender.connection.close()
                return
            if prediction.tokens_sent == reply.error_after:
                await sender.send({"type": "error", "error": {"title": "the model crashed"}})
                await sender.close()
                return
            await sender.send(item)
            prediction.tokens_sent += 1
            await _sleep_until_cancelled(prediction, reply.token_delay_ms)
        prediction.finished = not prediction.cancelled.is_set()
        await sender.send(_success(prediction))
        await sender.close()


@dataclass
class _Channel:
    connection: ServerConnection
    channel: int

    async def send(self, message: Json) -> None:
        await _send(self.connection, {"type": "channelSend", "channelId": self.channel, "message": message})

    async def close(self) -> None:
        await _send(self.connection, {"type": "channelClose", "channelId": self.channel})

    async def fail(self, title: str) -> None:
        await _send(self.connection, {"type": "channelError", "channelId": self.channel, "error": {"title": title}})


async def _send(connection: ServerConnection, message: Json) -> None:
    await connection.send(json.dumps(message))


async def _sleep_until_cancelled(prediction: Prediction, duration_ms: float) -> None:
    """In steps, because the cancel arrives on another task and must cut a long pause short."""
    left_ms = duration_ms
    while left_ms > 0 and not prediction.cancelled.is_set():
        await clock.sleep_ms(min(left_ms, 5.0))
        left_ms -= 5.0


def _messages(reply: Reply) -> Iterator[Json]:
    yield {"type": "promptProcessingProgress", "progress": 1.0}
    for thought in reply.reasoning:
        yield _fragment(thought, "reasoning")
    for token in reply.tokens:
        yield _fragment(token, "none")
    for index, (name, arguments) in enumerate(reply.tool_calls):
        yield {"type": "toolCallGenerationStart"}
        yield {"type": "toolCallGenerationNameReceived", "name": name}
        yield {"type": "toolCallGenerationArgumentFragmentGenerated", "content": json.dumps(arguments)}
        request = {"type": "function", "id": f"call_{index}", "name": name, "arguments": arguments}
        yield {"type": "toolCallGenerationEnd", "toolCallRequest": request}


def _fragment(text: str, reasoning_type: str) -> Json:
    fragment = {"content": text, "tokensCount": 1, "containsDrafted": False, "reasoningType": reasoning_type}
    return {"type": "fragment", "fragment": fragment}


def _success(prediction: Prediction) -> Json:
    stats = {
        "stopReason": "userStopped" if prediction.cancelled.is_set() else "eosFound",
        "promptTokensCount": 7,
        "predictedTokensCount": prediction.tokens_sent,
    }
    empty: Json = {"fields": []}
    info = _instance(prediction.model)
    return {"type": "success", "stats": stats, "modelInfo": info, "loadModelConfig": empty, "predictionConfig": empty}


def _info(key: str) -> Json:
    return {
        "type": "llm",
        "modelKey": key,
        "format": "gguf",
        "displayName": key,
        "path": f"maker/{key}",
        "sizeBytes": 1000,
        "vision": False,
        "trainedForToolUse": True,
        "maxContextLength": 4096,
    }


def _instance(key: str) -> Json:
    return {**_info(key), "identifier": key, "instanceReference": f"ref-{key}", "contextLength": 4096}
