"""The server under test: `main.py` with one of the conversations of `bench/sessions_app`, on a free port of the loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "bench" / "sessions_app"
START_TIMEOUT_S = 60.0


class GatewayProcess:
    """A context manager; everything it tells comes from outside: HTTP and /proc."""

    def __init__(
        self, graph: str, graphs_from: Path = APP / "graphs", log_level: str = "warn", **settings: Any
    ) -> None:
        self.port = free_port()
        self._graph_file = graphs_from / f"{graph}.json"
        self._settings = settings
        self._log_level = log_level
        self._directory = tempfile.TemporaryDirectory(prefix="stream-talk-bench-")
        self._log = Path(self._directory.name, "server.log")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> GatewayProcess:
        command = [
            sys.executable, str(ROOT / "main.py"), "--", "--graph", str(self._gateway_graph(self._graph_file)),
            "--no-browser", "--log-level", self._log_level,
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=APP, env=environment)
        self._wait_until_ready()
        return self

    def _gateway_graph(self, graph_file: Path) -> Path:
        """The gateway's own graph with the settings of this run."""
        settings = {
            "port": self.port, "default_graph": graph_file.stem, "graphs_dir": str(graph_file.parent),
            "warm_up": False, **self._settings,
        }  # fmt: skip
        node = {"type": "extension", "name": "gateway", "addon": "gateway_python", "property": settings}
        file = Path(self._directory.name, "gateway.json")
        file.write_text(json.dumps({"nodes": [node], "connections": []}))
        return file

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log()[-4000:]}")
            try:
                self.get("/health")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"the server did not start in {START_TIMEOUT_S:.0f} s:\n{self.log()[-4000:]}")

    def __exit__(self, *_error: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._directory.cleanup()

    # --- what can be seen from outside --------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.read().decode())

    def metric(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics"), re.M)
        return float(found.group(1)) if found else 0.0

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def footprint(self) -> dict[str, float]:
        """What must be the same before and after."""
        return {
            "sessions": self.metric("stream_talk_sessions"),
            "graphs": self.metric("stream_talk_graphs"),
            "tasks": self.metric("stream_talk_tasks"),
            "open_files": self.open_files(),
            "memory_mb": round(self.memory_mb(), 1),
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
