"""Two gateway processes behind nginx, sharing a memory file: one is killed, the conversation goes on at the other."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[2]
AT_CAPACITY = 4503
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not installed (Debian: apt-get install nginx-light)"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the process for port {port} ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing listens on port {port}")


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.ports = [free_port(), free_port()]
        self.front = free_port()
        environment = {**os.environ, "STREAM_TALK_DATA_DIR": str(folder / "data")}
        self.servers = {
            port: subprocess.Popen(
                [sys.executable, "-m", "stream_talk_cli.main", "run", "--graph", "text-only", "--no-browser", "--port", str(port)],
                env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=(folder / f"{port}.log").open("wb"),
            )
            for port in self.ports
        }  # fmt: skip
        text = (ROOT / "deploy/nginx/stream-talk.conf").read_text()
        for theirs, ours in (("8017", self.ports[0]), ("8018", self.ports[1]), ("8080", self.front)):
            text = text.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{ours}")
        (folder / "site.conf").write_text(text)
        temporary = " ".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf = f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {temporary} include {folder}/site.conf; }}"
        (folder / "nginx.conf").write_text(conf)
        self.nginx = subprocess.Popen([NGINX, "-e", f"{folder}/nginx.log", "-c", str(folder / "nginx.conf")])
        for port, server in self.servers.items():
            wait_for_port(port, server)
        wait_for_port(self.front, self.nginx)

    def stop(self) -> None:
        for process in [self.nginx, *self.servers.values()]:
            process.terminate()
        for process in [self.nginx, *self.servers.values()]:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def process_of(self, session_id: str) -> int:
        """The port of the process that holds a session, by asking each."""
        import httpx

        for port in self.ports:
            if self.servers[port].poll() is None:
                answer = httpx.get(f"http://127.0.0.1:{port}/v1/sessions/{session_id}/graph", trust_env=False)
                if answer.status_code == 200:
                    return port
        raise AssertionError(f"no process has session {session_id}")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


class Client:
    def __init__(self, cluster: Cluster, key: str) -> None:
        url = f"ws://127.0.0.1:{cluster.front}/v1/talk?session={key}"
        self.socket: ClientConnection = connect(url, open_timeout=30, compression=None).__enter__()

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        while True:
            data = self.socket.recv(timeout=30)
            if isinstance(data, bytes):
                continue
            message = json.loads(data)
            if message["type"] == kind and all(message.get(k) == v for k, v in fields.items()):
                return message

    def say(self, text: str) -> str:
        """Type a text; returns the text of the whole reply."""
        self.send(type="text", text=text)
        self.until("user_text", final=True, text=text)
        reply = ""
        while True:
            data = self.socket.recv(timeout=30)
            message = {} if isinstance(data, bytes) else json.loads(data)
            if message.get("type") == "assistant_text":
                reply += message.get("delta") or ""
                if message.get("final"):
                    return reply


def begin(cluster: Cluster, key: str, **hello: Any) -> tuple[Client, dict[str, Any]]:
    """Say hello; a process that is too busy just now says so, and a client tries again."""
    deadline = time.monotonic() + 60
    while True:
        client = Client(cluster, key)
        client.send(type="hello", protocol=1, **hello)
        try:
            return client, client.until("ready")
        except ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == AT_CAPACITY and time.monotonic() < deadline, closed
            time.sleep(1.0)


def test_sessions_stick_and_a_conversation_outlives_its_process(cluster):
    client, ready = begin(cluster, "alpha", conversation="conversation-alpha")
    assert ready["conversation"] == "conversation-alpha"
    first = cluster.process_of(ready["session_id"])
    _, again = begin(cluster, "alpha")
    assert cluster.process_of(again["session_id"]) == first, "the same key reaches the same process"
    client.say("My name is Ada.")
    wait_until_remembered(cluster, first)
    cluster.servers[first].kill()
    cluster.servers[first].wait(10)
    client, ready = begin(cluster, "alpha", conversation="conversation-alpha")
    assert cluster.process_of(ready["session_id"]) != first
    assert re.search("Ada", client.say("What is my name?")), "the other process knows what was said to the first"


def wait_until_remembered(cluster: Cluster, port: int) -> None:
    """The reply must have been heard before it belongs to the conversation."""
    import httpx

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/memory/conversations/conversation-alpha", trust_env=False)
        if answer.status_code == 200 and any(turn["text"] == "My name is Ada." for turn in answer.json()["turns"]):
            return
        time.sleep(0.1)
    raise AssertionError("the turn was never stored")
