"""TEN's own websocket example and playground, by the exchanges that their code makes."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from .conftest import Server, until


async def _receive(socket: Any) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(socket.recv(), 5))


async def _until(socket: Any, kind: str) -> dict[str, Any]:
    while True:
        message = await _receive(socket)
        if message["type"] == kind:
            return message


def _sound(samples: int, **fields: Any) -> str:
    pcm = np.arange(samples, dtype="<i2").tobytes()
    return json.dumps({"audio": base64.b64encode(pcm).decode(), "metadata": {}, **fields})


def test_the_websocket_example_talks(with_server):
    async def scenario(server: Server) -> None:
        socket = await server.dial("/")
        await socket.send(_sound(4096))
        await until(lambda: server.host.graphs and server.host.graphs[-1].sound)
        graph = server.host.graphs[-1]
        assert graph.sound[0] == (0, np.arange(4096, dtype="<i2").tobytes())
        graph.answer("200")
        user = await _receive(socket)
        assert user["type"] == "data" and user["name"] == "text_data"
        data = user["data"]
        assert (
            data["role"] == "user" and data["text"] == "200" and data["is_final"] and data["data_type"] == "transcribe"
        )
        assistant = (await _receive(socket))["data"]
        assert assistant["role"] == "assistant" and assistant["stream_id"] == 100
        played = 0
        while played < 3200:
            message = await _until(socket, "audio")
            pcm = base64.b64decode(message["audio"])
            metadata = message["metadata"]
            assert metadata["sample_rate"] == 16000 and metadata["channels"] == 1 and metadata["bytes_per_sample"] == 2
            assert metadata["samples_per_channel"] == len(pcm) // 2
            played += len(pcm) // 2
        assert played == 3200

    with_server(scenario)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "Invalid JSON"),
        ('{"metadata": {}}', 'Missing required field: "audio" with base64 data'),
        ('{"audio": "%%%"}', "Invalid base64 audio data"),
        ('{"audio": "AAAA", "metadata": 3}', "Processing error"),
    ],
)
def test_what_it_does_not_understand_is_answered_in_its_words_and_the_socket_stays(with_server, text, error):
    async def scenario(server: Server) -> None:
        socket = await server.dial("/")
        await socket.send(text)
        assert (await _until(socket, "error"))["error"].startswith(error)
        await socket.send(_sound(160))
        await until(lambda: server.host.graphs and server.host.graphs[-1].sound)

    with_server(scenario)


def test_the_playground_starts_pings_lists_and_stops_a_channel(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:

            async def post(path: str, **body: Any) -> dict[str, Any]:
                answer = await http.post(path, json={"request_id": "r1", **body})
                assert answer.status_code == 200, "errors too come with 200"
                return answer.json()

            started = await post(
                "/start", channel_name="websocket-1", user_uid=176573, graph_name="voice_assistant",
                properties={"websocket_server": {"port": 8321}}, timeout=-1,
            )  # fmt: skip
            assert started == {"code": "0", "msg": "success", "data": None}
            assert (await post("/start", channel_name="websocket-1", graph_name="other"))["code"] == "10003"
            listed = (await http.get("/list")).json()
            assert listed["code"] == "0" and [c["channelName"] for c in listed["data"]] == ["websocket-1"]
            graphs = (await http.get("/graphs")).json()["data"]
            assert {"name": "other", "graph_id": "other", "auto_start": False} in graphs

            first = await server.dial("/ws/8321")
            await first.send(_sound(160))
            await until(lambda: server.host.graphs and server.host.graphs[-1].sound)
            second = await server.dial("/ws/8321")
            assert "only accepts one connection" in (await _receive(second))["error"]
            with pytest.raises(ConnectionClosed) as closed:
                await _receive(second)
            assert closed.value.rcvd.code == 1008

            assert (await post("/ping", channel_name="websocket-1"))["code"] == "0"
            assert (await post("/stop", channel_name="websocket-1"))["code"] == "0"
            with pytest.raises(ConnectionClosed):
                await _until(first, "never")
            assert (await http.get("/list")).json()["data"] == []
            assert not server.gateway.sessions

    with_server(scenario)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/start", {"graph_name": "other"}, "10000"),
        ("/start", {"channel_name": "", "graph_name": "other"}, "10004"),
        ("/start", {"channel_name": "../x", "graph_name": "other"}, "10100"),
        ("/start", {"channel_name": "x" * 101, "graph_name": "other"}, "10100"),
        ("/start", {"channel_name": "a", "graph_name": "nonsense"}, "10101"),
        ("/start", {"channel_name": "a", "graph_name": "other", "timeout": "soon"}, "10000"),
        ("/start", [], "10000"),
        ("/ping", {"channel_name": "unknown"}, "10002"),
        ("/stop", {"channel_name": "unknown"}, "10002"),
    ],
)
def test_refusals_come_in_the_envelope(with_server, path, body, code):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            answer = await http.post(path, json=body)
            assert answer.status_code == 200 and answer.json()["code"] == code

    with_server(scenario)


def test_a_channel_that_nobody_pings_ends(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            body = {
                "channel_name": "a",
                "graph_name": "other",
                "timeout": 0.1,
                "properties": {"websocket_server": {"port": 8400}},
            }
            await http.post("/start", json=body)
            socket = await server.dial("/ws/8400")
            with pytest.raises(ConnectionClosed):
                await _until(socket, "never")
            assert (await http.get("/list")).json()["data"] == []

    with_server(scenario)


def test_no_agora_key_is_needed_for_a_token(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            answer = (await http.post("/token/generate", json={"channel_name": "a", "uid": 5})).json()
            assert answer["code"] == "0" and answer["data"]["token"] == answer["data"]["appId"]
            assert answer["data"]["uid"] == 5

    with_server(scenario)


def test_its_sockets_need_the_token_of_an_exposed_server(with_server):
    from websockets.exceptions import InvalidStatus

    async def scenario(server: Server) -> None:
        for path in ("/", "/ws", "/ws/8321"):
            with pytest.raises(InvalidStatus) as refused:
                await server.dial(path)
            assert refused.value.response.status_code == 401
        async with httpx.AsyncClient(base_url=server.http) as http:
            assert (await http.post("/start", json={"channel_name": "a"})).status_code == 401

    with_server(scenario, token="secret")
