"""The HTTP side: graphs, health, metrics, the page, and who is let in."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from ten_packages.extension.gateway_python.config import GatewayConfig
from ten_packages.extension.gateway_python.server import CannotListen, WebServer
from ten_packages.extension.gateway_python.tls import own_addresses, self_signed

from .conftest import Server, running_server

TOKEN = "a-long-secret-of-the-house"


def test_graphs_say_what_can_run_here(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            body = (await http.get("/v1/graphs")).json()
        assert body["default"] == "embedded"
        by_name = {graph["name"]: graph for graph in body["graphs"]}
        assert by_name["embedded"]["available"] and by_name["embedded"]["title"]["zh"] == "内置"
        assert not by_name["mlx"]["available"] and by_name["mlx"]["remedy"].startswith("pip install")

    with_server(scenario)


def test_health_and_metrics_follow_the_sessions(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            client = await server.talk()
            health = await http.get("/health")
            assert health.status_code == 200 and health.json()["sessions"] == 1
            assert health.json()["capacity"]["accepting"] is False, "one place only"
            text = (await http.get("/metrics")).text
            assert "stream_talk_sessions 1.0" in text and 'sessions_opened_total{protocol="talk"} 1.0' in text
            stats = (await http.get(f"/v1/sessions/{client.ready['session_id']}/graph")).json()
            assert stats["session"]["protocol"] == "talk" and stats["graph"]["name"] == "embedded"
            assert (await http.get("/v1/sessions/nobody/graph")).status_code == 404
            await server.gateway.drain()
            health = await http.get("/health")
            assert health.status_code == 503 and health.json()["status"] == "draining"

    with_server(scenario, admission={"max_sessions": 1})


def test_without_the_token_nothing_is_told(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            for path in ("/v1/graphs", "/metrics", "/docs", "/openapi.json", "/v1/sessions/x/graph"):
                assert (await http.get(path)).status_code == 401, path
            assert set((await http.get("/health")).json()) == {"status", "live", "ready"}
            bearer = {"authorization": f"Bearer {TOKEN}"}
            assert (await http.get("/v1/graphs", headers=bearer)).status_code == 200
            assert (await http.get(f"/v1/graphs?token={TOKEN}")).status_code == 200
            assert (await http.get("/v1/graphs?token=wrong")).status_code == 401
            assert "sessions" in (await http.get("/health", headers=bearer)).json()

    with_server(scenario, token=TOKEN)


def test_a_socket_takes_the_token_in_three_ways_and_never_repeats_it(with_server):
    async def scenario(server: Server) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.url + "/v1/talk")
        assert refused.value.response.status_code == 401
        for options in (
            {"additional_headers": {"authorization": f"Bearer {TOKEN}"}},
            {"subprotocols": ["stream-talk.v1", f"stream-talk.token.{TOKEN}"]},
        ):
            socket = await server.dial(**options)
            assert socket.subprotocol in (None, "stream-talk.v1")
        assert (await server.dial(f"/v1/talk?token={TOKEN}")).subprotocol is None

    with_server(scenario, token=TOKEN)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:1", 403),
        ("https://friend.example", 101),
        ("own", 101),
    ],
)
def test_pages_of_strangers_cannot_connect(with_server, origin, status):
    async def scenario(server: Server) -> None:
        value = server.http if origin == "own" else origin
        try:
            await server.dial(origin=value)
            got = 101
        except InvalidStatus as refused:
            got = refused.response.status_code
        assert got == status

    with_server(scenario, allowed_origins=["https://friend.example"])


def test_a_foreign_name_for_the_loopback_is_not_answered(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            assert (await http.get("/v1/graphs", headers={"host": "rebound.example"})).status_code == 421

    with_server(scenario)


def test_the_page_is_served_with_a_strict_policy(tmp_path: Path):
    import asyncio

    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("<!doctype html><title>page</title>")
    (tmp_path / "secret.txt").write_text("no")

    async def main() -> None:
        async with running_server(tmp_path, web) as server, httpx.AsyncClient(base_url=server.http) as http:
            page = await http.get("/")
            policy = page.headers["content-security-policy"]
            assert "<title>page" in page.text and "script-src 'self';" in policy and "unsafe" not in policy
            assert page.headers["x-content-type-options"] == "nosniff"
            assert (await http.get("/../secret.txt")).status_code == 404
            assert (await http.get("/%2e%2e/secret.txt")).status_code == 404

    asyncio.run(main())


def test_exposing_the_server_needs_a_token():
    with pytest.raises(ValidationError, match="set `token`"):
        GatewayConfig(host="0.0.0.0")
    assert GatewayConfig(host="0.0.0.0", token=TOKEN).is_exposed
    assert TOKEN not in repr(GatewayConfig(token=TOKEN))


def test_a_taken_port_says_what_to_do(with_server, tmp_path):
    async def scenario(server: Server) -> None:
        second = WebServer(None, GatewayConfig(port=server.web.port), tmp_path)
        with pytest.raises(CannotListen, match="choose another with --port"):
            await second.start()

    with_server(scenario)


def test_self_signed_tls_serves_pages_and_sockets(with_server, tmp_path):
    async def scenario(server: Server) -> None:
        context = ssl.create_default_context(cafile=str(tmp_path / "self-signed.crt"))
        url = f"127.0.0.1:{server.web.port}"
        async with httpx.AsyncClient(verify=context) as http:
            assert (await http.get(f"https://{url}/v1/graphs")).status_code == 200
        async with connect(f"wss://{url}/v1/talk", ssl=context) as socket:
            await socket.send('{"type":"hello","protocol":1}')
            assert '"ready"' in str(await socket.recv())

    with_server(scenario, tls_self_signed=True)


def test_the_certificate_is_kept_until_it_must_change(tmp_path):
    import datetime

    now = datetime.datetime.now(datetime.timezone.utc)
    first = self_signed(tmp_path, own_addresses(), now).certificate.read_bytes()
    assert self_signed(tmp_path, own_addresses(), now).certificate.read_bytes() == first
    assert self_signed(tmp_path, [*own_addresses(), "192.0.2.7"], now).certificate.read_bytes() != first
    second = (tmp_path / "self-signed.crt").read_bytes()
    later = now + datetime.timedelta(days=360)
    assert self_signed(tmp_path, own_addresses(), later).certificate.read_bytes() != second
    assert (tmp_path / "self-signed.key").stat().st_mode & 0o077 == 0


def test_without_its_package_a_certificate_says_what_brings_it(tmp_path, monkeypatch):
    import asyncio

    monkeypatch.setattr("ten_packages.extension.gateway_python.tls.x509", None)
    server = WebServer(None, GatewayConfig(port=0, tls_self_signed=True), tmp_path)
    with pytest.raises(CannotListen, match=r"pip install 'stream-talk\[tls\]'"):
        asyncio.run(server.start())


def test_small_frames_do_not_wait_for_acknowledgements(with_server):
    """Nagle's algorithm costs 40 ms per reply; it comes back whenever the listening socket does not name its protocol."""
    import socket

    async def scenario(server: Server) -> None:
        client = await server.talk()
        shell_socket = server.gateway.sessions[client.ready["session_id"]].port.socket
        raw = shell_socket._line.transport.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    with_server(scenario)
