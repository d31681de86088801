"""A real server on a free port of the loopback, with conversations that run without engines."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from stream_talk.wire.frames import MICROPHONE, AudioFrame
from websockets.asyncio.client import ClientConnection, connect

from ten_packages.extension.gateway_python.app import build_app
from ten_packages.extension.gateway_python.catalog import GraphCatalog, GraphOffer
from ten_packages.extension.gateway_python.config import GatewayConfig
from ten_packages.extension.gateway_python.gateway import Gateway
from ten_packages.extension.gateway_python.server import WebServer
from ten_packages.extension.gateway_python.testing import LoopbackGraph, LoopbackHost

OFFERS = [
    GraphOffer("embedded", {"en": "Embedded", "zh": "内置"}),
    GraphOffer("other", {"en": "Another one"}),
    GraphOffer("mlx", {"en": "Apple"}, reason="package mlx-audio is missing", remedy="pip install stream-talk[mlx]"),
]


class TalkClient:
    """A small client of `/v1/talk`, as a stranger would write it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.items: list[dict[str, Any] | AudioFrame] = []
        self.seq = 0
        self.position = 0
        self.last_seq = 0
        self.ready: dict[str, Any] = {}

    async def hello(self, **fields: Any) -> dict[str, Any]:
        await self.send({"type": "hello", "protocol": 1, "client": "test", **fields})
        self.ready = await self.until("ready")
        return self.ready

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(message))

    async def send_sound(self, pcm: bytes) -> None:
        self.seq += 1
        await self.socket.send(AudioFrame(MICROPHONE, self.seq, 0, self.position, pcm).encode())
        self.position += len(pcm) // 2

    async def receive(self) -> dict[str, Any] | AudioFrame:
        data = await asyncio.wait_for(self.socket.recv(), 5)
        item: dict[str, Any] | AudioFrame = AudioFrame.decode(data) if isinstance(data, bytes) else json.loads(data)
        seq = item.seq if isinstance(item, AudioFrame) else item.get("seq")
        if seq is not None:
            assert seq > self.last_seq, "every sequenced item comes once, in order"
            self.last_seq = seq
        self.items.append(item)
        return item

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        while True:
            item = await self.receive()
            if isinstance(item, dict) and item["type"] == kind and all(item.get(k) == v for k, v in fields.items()):
                return item

    async def settled(self) -> None:
        """Everything sent before has been handled."""
        await self.send({"type": "ping", "client_ts_ms": 1.0})
        await self.until("pong")

    def sound(self, generation: int = 1) -> bytes:
        return b"".join(i.pcm for i in self.items if isinstance(i, AudioFrame) and i.generation == generation)

    def messages(self, kind: str) -> list[dict[str, Any]]:
        return [i for i in self.items if isinstance(i, dict) and i["type"] == kind]


class Server:
    def __init__(self, gateway: Gateway, web: WebServer, host: LoopbackHost) -> None:
        self.gateway = gateway
        self.web = web
        self.host = host
        self.clients: list[ClientConnection] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.web.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.web.port}"

    async def dial(self, path: str = "/v1/talk", **options: Any) -> ClientConnection:
        socket = await connect(self.url + path, compression=None, max_size=None, **options)
        self.clients.append(socket)
        return socket

    async def talk(self, **hello: Any) -> TalkClient:
        client = TalkClient(await self.dial())
        await client.hello(**hello)
        return client

    def graph(self, client: TalkClient) -> LoopbackGraph:
        return next(g for g in reversed(self.host.graphs) if g.session_id == client.ready["session_id"])


@contextlib.asynccontextmanager
async def running_server(tmp_path: Path, web_dir: Path | None = None, **config: Any) -> AsyncIterator[Server]:
    # A busy machine must not count as a full server, except where that is what is tested.
    roomy = {"max_loop_lag_ms": 60_000, "max_queue_ms": 600_000}
    settings = GatewayConfig(port=0, **{"admission": roomy, **config})
    host = LoopbackHost()
    gateway = Gateway(settings, host, GraphCatalog(OFFERS, settings.default_graph))
    web = WebServer(build_app(gateway, web_dir), settings, tmp_path)
    gateway.begin()
    await web.start()
    server = Server(gateway, web, host)
    try:
        yield server
    finally:
        for socket in server.clients:
            socket.transport.abort()
        await gateway.drain()
        await web.stop()
        await gateway.end()


@pytest.fixture
def with_server(tmp_path: Path) -> Callable[..., None]:
    """`with_server(scenario, **config)` runs `await scenario(server)` against a fresh server, and checks that nothing is left."""

    def run(scenario: Callable[[Server], Any], **config: Any) -> None:
        async def main() -> None:
            before = asyncio.all_tasks()
            async with running_server(tmp_path, **{"drain_timeout_ms": 200, **config}) as server:
                await asyncio.wait_for(scenario(server), 60)
            assert not server.gateway.sessions
            await asyncio.sleep(0)
            left = [t for t in asyncio.all_tasks() - before if not t.done()]
            assert not left, left

        asyncio.run(main())

    return run


def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> Any:
    async def wait() -> None:
        async def poll() -> None:
            while not condition():  # noqa: ASYNC110 (the condition has no event)
                await asyncio.sleep(0.005)

        await asyncio.wait_for(poll(), timeout_s)

    return wait()
