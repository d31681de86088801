"""A redis-server of a measurement's own, on a free loopback port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class RedisServer:
    url: str
    port: int
    command: list[str]
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.kill()  # it may be halted, and then no milder signal reaches it
        self.process.wait()

    def start_again(self) -> None:
        """With what it had written down."""
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        _wait_for_port(self.port)


def missing() -> str | None:
    """Why there is none; None when there is."""
    return (
        None if shutil.which("redis-server") else "redis-server is not installed (Debian: apt-get install redis-server)"
    )


@contextmanager
def redis_server(directory: Path) -> Iterator[RedisServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory),
        "--save", "", "--appendonly", "yes",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    server = RedisServer(f"redis://127.0.0.1:{port}/0", port, command, process)
    try:
        _wait_for_port(port)
        yield server
    finally:
        server.kill()


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("redis-server did not start")
