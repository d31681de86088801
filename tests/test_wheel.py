"""A built wheel, installed outside the checkout, finds its graphs, extensions and page."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


class Installed:
    """A virtual environment with the wheel, and the libraries that this Python has."""

    def __init__(self, directory: Path) -> None:
        self.work = directory / "work"
        self.work.mkdir()
        venv.create(directory / "venv", symlinks=os.name != "nt")
        self.bin = directory / "venv" / ("Scripts" if os.name == "nt" else "bin")
        self.environ = {
            key: value for key, value in os.environ.items() if not key.startswith(("STREAM_TALK", "TEN_", "PYTHON"))
        }
        wheel = self._build(directory / "dist")
        run = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self.bin / "python"),
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            str(wheel),
        ]
        subprocess.run(run, check=True, timeout=120)
        # Lines of a .pth file become paths, but the .pth files there are not read: our own editable install stays out of sight.
        (self.site / "libraries_of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def _build(self, dist: Path) -> Path:
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)]
        subprocess.run(build, check=True, timeout=120, stdout=subprocess.DEVNULL)
        (wheel,) = dist.glob("*.whl")
        return wheel

    @property
    def site(self) -> Path:
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        return Path(subprocess.check_output([self.bin / "python", "-c", code], text=True, env=self.environ).strip())

    def command(self, *arguments: str) -> list[str]:
        return [str(self.bin / "stream-talk"), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.work, env=self.environ, capture_output=True, text=True, timeout=120
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("wheel"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def fetch(url: str, process: subprocess.Popen[str]) -> str:
    """The page, as soon as the server is up."""
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, f"the app has ended: {process.communicate()}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read().decode()
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, "the server does not come up"
            time.sleep(0.1)


def test_nothing_comes_from_the_checkout(installed):
    code = "import ten_graph, ten_runtime, stream_talk, stream_talk_cli; from stream_talk.graph import app_home; print(app_home())"
    code += (
        "; print(*(module.__file__ for module in (ten_graph, ten_runtime, stream_talk, stream_talk_cli)), sep='\\n')"
    )
    output = subprocess.check_output(
        [installed.bin / "python", "-c", code], text=True, env=installed.environ, cwd=installed.work
    )
    paths = [Path(line).resolve() for line in output.splitlines()]
    assert paths[0] == (installed.site / "stream_talk_app").resolve()
    assert [path for path in paths if not path.is_relative_to(installed.site.resolve())] == []


def test_graphs_and_extensions_are_found(installed):
    done = installed.run("graph", "check", "--json")
    report = json.loads(done.stdout)
    checked = {Path(file).name for file in report["files"]}
    assert {path.name for path in (ROOT / "graphs").glob("*.json")} == checked
    assert [
        finding
        for finding in report["findings"]
        if "is not installed" in finding["problem"] and "addon" in finding["problem"]
    ] == []


def test_a_new_extension_passes_its_tests(installed):
    assert installed.run("new", "extension", "hello_python").returncode == 0
    done = installed.run("test", "hello_python", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_gateway_serves_the_page_and_offers_graphs(installed):
    graph = {
        "nodes": [{"type": "extension", "name": "llm", "addon": "rules_llm_python"}],
        "exposed_messages": [{"type": "cmd_in", "name": "chat_completion", "extension": "llm"}],
    }
    (installed.work / "mine.json").write_text(json.dumps(graph))
    port = free_port()
    command = installed.command("run", "mine.json", "--no-browser", "--port", str(port))
    app = subprocess.Popen(
        command, cwd=installed.work, env=installed.environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert "<html" in fetch(f"http://127.0.0.1:{port}/", app)
        offers = json.loads(fetch(f"http://127.0.0.1:{port}/v1/graphs", app))
        assert offers["default"] == "mine"
        assert {"mine", "embedded"} <= {offer["name"] for offer in offers["graphs"]}
    finally:
        app.send_signal(signal.SIGTERM)
        app.communicate(timeout=30)
    assert app.returncode == 0
