"""Clients of the HTTP side that mean no good: too much, too slow, not what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from ten_packages.extension.gateway_python import body_limit, http_line

from .conftest import Server

MIB = 1 << 20


async def mebibytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(MIB)


@pytest.mark.parametrize(
    "path", ["/v1/audio/speech", "/start", "/control/stop", "/v1/realtime/client_secrets", "/tts/mock"]
)
def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(with_server, path):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            for content in (bytes(3 * MIB), mebibytes(3)):
                answer = await http.post(path, content=content)
                assert answer.status_code == 413
                text = (
                    answer.json()["detail"]
                    if path.startswith(("/control", "/tts"))
                    else answer.json()["error"]["message"]
                )
                assert "at most" in text

    with_server(scenario)


def test_an_upload_without_end_is_not_taken(with_server):
    async def scenario(server: Server) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", server.web.port)
        writer.write(b"POST /chat/stream HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with pytest.raises(OSError):
            while sent < 100 * MIB:
                writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
                await writer.drain()
                sent += 65_536
        assert sent < 20 * MIB

    with_server(scenario)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/audio/speech", b"{{{"),
        ("/v1/audio/speech", b"[" * 100_000),
        ("/v1/audio/speech", b'{"model": "secret words"}'),
        ("/v1/audio/speech", b'{"input": "x", "speed": "fast"}'),
        ("/v1/audio/transcriptions", b"no form"),
        ("/v1/realtime/client_secrets", b"{{{"),
        ("/v1/realtime/client_secrets", b'{"session": [1]}'),
        ("/v1/realtime/client_secrets", b'{"expires_after": {"seconds": 5}}'),
    ],
)
def test_what_makes_no_sense_is_an_error_of_the_api_and_not_repeated(with_server, path, body):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            answer = await http.post(path, content=body)
            error = answer.json()["error"]
            assert answer.status_code == 400
            assert {"message", "type", "param", "code"} <= set(error) and error["type"] == "invalid_request_error"
            assert "secret words" not in answer.text

    with_server(scenario)


def test_file_names_that_no_file_can_have_are_not_found(with_server, tmp_path):
    (tmp_path / "index.html").write_text("the page")

    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            assert (await http.get("/")).status_code == 200
            for path in ("/" + "a" * 5_000, "/%00", "/..%2f..%2fmain.py", "/%2e%2e/%2e%2e/main.py", "//etc/passwd"):
                assert (await http.get(path)).status_code == 404, path

    with_server(scenario, web_dir=tmp_path)


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_a_request_that_never_begins_is_hung_up_on(with_server, monkeypatch, beginning):
    monkeypatch.setattr(http_line, "HEAD_TIMEOUT_S", 0.2)

    async def scenario(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.web.port)
        writer.write(beginning)
        try:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        except ConnectionResetError:
            pass  # hung up with something unread
        finally:
            writer.close()

    with_server(scenario)


def test_a_request_that_never_ends_is_answered_and_hung_up_on(with_server, monkeypatch):
    monkeypatch.setattr(body_limit, "BODY_TIMEOUT_S", 0.2)

    async def scenario(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.web.port)
        writer.write(b"POST /chat/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 408") and b"did not arrive in time" in answer
        writer.close()

    with_server(scenario)


def test_a_stream_that_takes_long_is_not_a_request_that_takes_long(with_server, monkeypatch):
    monkeypatch.setattr(http_line, "HEAD_TIMEOUT_S", 0.1)
    monkeypatch.setattr(body_limit, "BODY_TIMEOUT_S", 0.1)

    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            started = asyncio.get_running_loop().time()
            socket = await server.dial("/ws/output/6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
            text = (
                await http.post(
                    "/chat/stream", json={"sessionId": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "content": "300"}
                )
            ).text
            assert "event: done" in text
            while b"END" not in str(await asyncio.wait_for(socket.recv(), 5)).encode():
                pass
            assert asyncio.get_running_loop().time() - started > 0.1

    with_server(scenario)


def test_too_many_requests_are_told_to_come_back(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            statuses = [(await http.get("/health")).status_code for _ in range(30)]
            assert statuses.count(200) < 30
            refused = await http.get("/health")
            assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
            assert refused.json()["error"]["code"] == "rate_limited"
            await asyncio.sleep(1.1)
            assert (await http.get("/health")).status_code == 200

    with_server(scenario, requests_per_s=2.0)
