"""uvicorn inside somebody else's event loop: no signal handlers, no lifespan, closes when told."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from .config import GatewayConfig
from .http_line import PunctualHttpProtocol
from .tls import CannotCertify, CertificateFiles, own_addresses, self_signed
from .websocket import MAX_MESSAGE_BYTES, VoiceWebSocketProtocol

logger = logging.getLogger("stream_talk.gateway")


class CannotListen(OSError):
    """The address is taken or not allowed. The text says what to do."""


class _QuietServer(uvicorn.Server):
    """The application around us owns the signals. `accepting` is set when connections are."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    def __init__(self, app: Any, config: GatewayConfig, state_dir: Path) -> None:
        self._config = config
        self._app = app
        self._state_dir = state_dir
        self._socket: socket.socket | None = None
        self._server: _QuietServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when connections are accepted. Raises `CannotListen`."""
        self._socket = _listen(self._config.host, self._config.port)
        files = self._certificate()
        settings = uvicorn.Config(
            self._app,
            http=PunctualHttpProtocol,
            ws=VoiceWebSocketProtocol,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=self._config.ping_interval_s,
            ws_ping_timeout=self._config.ping_timeout_s,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",  # its info lines hold whole URLs, tokens included
            server_header=False,
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=32_768,
            ssl_certfile=str(files.certificate) if files else None,
            ssl_keyfile=str(files.key) if files else None,
        )
        self._server = _QuietServer(settings)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]))
        accepting = asyncio.get_running_loop().create_task(self._server.accepting.wait())
        await asyncio.wait({accepting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()
        if self._task.done():
            self._task.result()
            raise CannotListen("the web server ended before it began")

    def _certificate(self) -> CertificateFiles | None:
        if self._config.tls_certificate:
            return CertificateFiles(Path(self._config.tls_certificate), Path(self._config.tls_key))
        if self._config.tls_self_signed:
            now = datetime.datetime.now(datetime.timezone.utc)
            try:
                return self_signed(self._state_dir, own_addresses(), now)
            except CannotCertify as error:
                raise CannotListen(str(error)) from error
        return None

    @property
    def port(self) -> int:
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        scheme = "https" if self._config.uses_tls else "http"
        host = self._config.host if self._config.host not in ("0.0.0.0", "::") else "localhost"
        return f"{scheme}://{host}:{self.port}"

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        if self._socket is not None:
            self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle off; else every second small frame waits 40 ms for an acknowledgement.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        hint = "another program listens there; choose another with --port" if error.errno in (98, 48) else str(error)
        raise CannotListen(f"cannot listen on {host}:{port}: {hint}") from error
    sock.setblocking(False)
    return sock
