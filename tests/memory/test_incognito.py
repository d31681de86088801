"""An incognito conversation leaves nothing on the disk: looked for in every file that a whole server could have written."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.slow
SECRET = "pineapple"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def converse(folder: Path, **hello: Any) -> None:
    """Start a server that may write below `folder` only, tell it the secret, wait until it knows, end it."""
    port = free_port()
    (folder / "tmp").mkdir(parents=True)
    environment = {
        **os.environ, "HOME": str(folder), "TMPDIR": str(folder / "tmp"), "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"), "STREAM_TALK_DATA_DIR": str(folder / "data"),
    }  # fmt: skip
    command = [sys.executable, "-m", "stream_talk_cli.main", "run", "--graph", "text-only", "--no-browser"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for_port(port, server)
            _tell_the_secret(port, hello)
        finally:
            server.terminate()
            server.wait(30)


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


def _tell_the_secret(port: int, hello: dict[str, Any]) -> None:
    with connect(f"ws://127.0.0.1:{port}/v1/talk", open_timeout=30, compression=None) as line:
        line.send(json.dumps({"type": "hello", "protocol": 1, **hello}))
        _until(line, "ready")
        _say(line, f"My name is {SECRET}.")
        assert SECRET in json.dumps(_say(line, "What is my name?")).casefold(), "known while the conversation lasts"
        line.send(json.dumps({"type": "bye"}))


def _say(line: Any, text: str) -> list[dict[str, Any]]:
    """All messages until the turn is over, which is when it is stored if it ever will be."""
    line.send(json.dumps({"type": "text", "text": text}))
    heard = _until(line, "user_text", final=True, text=text)
    return _until(line, "turn", turn_id=heard[-1]["turn_id"])


def _until(line: Any, kind: str, **fields: Any) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    wanted = {"type": kind, **fields}
    while not seen or not wanted.items() <= seen[-1].items():
        data = line.recv(timeout=60)
        if isinstance(data, str):
            seen.append(json.loads(data))
    return seen


def files_with_the_secret(folder: Path) -> list[Path]:
    return [
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes().lower()
    ]


def test_incognito_leaves_no_word_on_the_disk_and_no_memory_file(tmp_path):
    converse(tmp_path / "open", conversation="conversation-open")
    assert any(path.name.startswith("memory.db") for path in files_with_the_secret(tmp_path / "open"))
    converse(tmp_path / "incognito", incognito=True)
    assert files_with_the_secret(tmp_path / "incognito") == []
    assert not list((tmp_path / "incognito").rglob("memory.db*"))
