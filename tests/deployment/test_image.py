"""The commands of the Dockerfile, run in a clean tree that holds only what it copies; the server it starts, asked as it asks."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="runs the image's shell commands")]


def stage(name: str) -> str:
    found = re.search(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", TEXT, flags=re.M | re.S)
    assert found is not None, name
    return found[1]


def clean_tree(tree: Path) -> None:
    for line in stage("build").splitlines():
        if not line.startswith("COPY "):
            continue
        for source in line.split()[1:-1]:
            target = tree / source
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "tests", "node_modules")  # as .dockerignore does
                shutil.copytree(ROOT / source, target, ignore=ignored)
            else:
                shutil.copy(ROOT / source, target)


def run_build_commands(tree: Path, place: Path) -> None:
    commands = re.findall(r"^RUN ((?:.*\\\n)*.*)$", stage("build"), flags=re.M)
    assert len(commands) == 2
    script = "\n".join(commands).replace("/opt/stream-talk", str(place)).replace("--no-cache-dir", "")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3_000:]


def command_of(name: str) -> list[str]:
    """The last CMD of a stage."""
    found: list[str] = json.loads(re.findall(r"^CMD (\[.*\])$", stage(name), flags=re.M)[-1])
    return found


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def healthy(check: list[str], server: subprocess.Popen[bytes], environment: dict[str, str]) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        if subprocess.run(check, env=environment, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.5)
    return False


@pytest.mark.timeout(900)
def test_the_image_installs_starts_and_is_healthy(tmp_path):
    place, port = tmp_path / "opt", free_port()
    clean_tree(tmp_path / "src")
    run_build_commands(tmp_path / "src", place)
    shutil.rmtree(tmp_path / "src")  # the image that runs does not have it
    (tmp_path / "home").mkdir()
    environment = {
        "PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(tmp_path / "home"), "STREAM_TALK_TOKEN": "open-sesame",
        "STREAM_TALK_DATA_DIR": str(tmp_path / "data"), "STREAM_TALK_MODELS_DIR": str(tmp_path / "models"),
    }  # fmt: skip
    command = [{"0.0.0.0": "127.0.0.1", "8017": port}.get(word, word) for word in command_of("base")]
    check = json.loads(re.search(r"^HEALTHCHECK.*?CMD (\[.*?\])$", TEXT, flags=re.M | re.S)[1].replace("8017", port))
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [f"{place}/bin/{command[0]}", *command[1:]], cwd=tmp_path / "home", env=environment, stdout=log, stderr=log
        )
        try:
            assert healthy([f"{place}/bin/python", *check[1:]], server, environment), (tmp_path / "log").read_text()[
                -3_000:
            ]
            server.terminate()
            assert server.wait(40) == 0, "ended in order within the grace period of the compose file"
        finally:
            server.kill()
            server.wait()
