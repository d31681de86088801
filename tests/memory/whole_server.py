"""A whole server as a person starts it, which may write below one folder only, and a typing client."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(folder: Path, graph: str, talk: Callable[[ClientConnection], None], **environment: str) -> None:
    """Start a server, let a client talk, end the server. What it writes lies in `folder`, the memory in `folder/data`."""
    port = free_port()
    (folder / "tmp").mkdir(parents=True)
    places = {
        "HOME": str(folder), "TMPDIR": str(folder / "tmp"), "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"), "STREAM_TALK_DATA_DIR": str(folder / "data"),
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "stream_talk_cli.main",
        "run",
        "--graph",
        graph,
        "--no-browser",
        "--port",
        str(port),
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **places, **environment}, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for_port(port, server)
            with connect(f"ws://127.0.0.1:{port}/v1/talk", open_timeout=30, compression=None) as line:
                talk(line)
        finally:
            server.terminate()
            server.wait(60)


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server never listened")


def hello(line: ClientConnection, **fields: Any) -> None:
    send(line, "hello", protocol=1, **fields)
    until(line, "ready")


def send(line: ClientConnection, kind: str, **fields: Any) -> None:
    line.send(json.dumps({"type": kind, **fields}))


def say(line: ClientConnection, text: str) -> list[dict[str, Any]]:
    """All messages until the turn is over, which is when it is stored if it ever will be."""
    send(line, "text", text=text)
    heard = until(line, "user_text", final=True, text=text)
    return until(line, "turn", turn_id=heard[-1]["turn_id"])


def until(line: ClientConnection, kind: str, **fields: Any) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    wanted = {"type": kind, **fields}
    while not seen or not wanted.items() <= seen[-1].items():
        data = line.recv(timeout=60)
        if isinstance(data, str):
            seen.append(json.loads(data))
    return seen
