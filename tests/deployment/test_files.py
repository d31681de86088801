"""The deployment files, as far as they can be checked without a Docker engine."""

from __future__ import annotations

import json
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ten_packages.extension.gateway_python.metrics import GatewayMetrics

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).resolve().parents[2]


def copied_by_dockerfile() -> list[str]:
    sources: list[str] = []
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            sources += line.split()[1:-1]
    return sources


def test_what_the_image_copies_exists_and_is_not_ignored():
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = copied_by_dockerfile()
    assert "ten_packages" in sources and "pyproject.toml" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == name or source.startswith(f"{name}/") for name in allowed), f"{source} is ignored"


@pytest.mark.slow
def test_the_image_can_be_built_from_what_it_copies_alone(tmp_path):
    """The build step's package, from a tree that holds only what the Dockerfile copies."""
    tree = tmp_path / "src"
    for source in copied_by_dockerfile():
        target = tree / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(
                ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__", "tests", "node_modules")
            )
        else:
            shutil.copy(ROOT / source, target)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "-w",
        str(tmp_path),
        str(tree),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert built.returncode == 0, built.stderr[-2_000:]
    assert list(tmp_path.glob("stream_talk-*.whl"))


def test_images_run_without_rights_and_know_when_they_are_healthy():
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    users = [re.findall(r"^USER (\w+)", stage, flags=re.M) for stage in stages]
    assert users[1][-1] == "talk" and users[2][-1] == "talk", "the last user of every stage that runs has no rights"
    health = re.search(r"^HEALTHCHECK.*?CMD (\[.*?\])$", text, flags=re.M | re.S)
    assert health is not None
    command = json.loads(health[1])
    assert compile(command[2], "healthcheck", "exec")


def test_compose_is_sound():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services, volumes = compose["services"], set(compose["volumes"])
    assert {"app", "app-gpu", "redis", "worker-ltm", "worker-analytics", "prometheus", "grafana"} <= set(services)
    assert "profiles" not in services["app"], "without a profile, the app alone starts"
    dockerfile = (ROOT / "Dockerfile").read_text()
    for name, service in services.items():
        if "build" in service:
            assert f"AS {service['build']['target']}" in dockerfile, name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in volumes, f"{name}: {mount}"
        for other in service.get("depends_on", {}):
            assert other in services
        for port in service.get("ports", []):
            assert port.startswith(("127.0.0.1:", "${STREAM_TALK_BIND:-127.0.0.1}")), f"{name} is exposed: {port}"


def test_every_variable_of_the_compose_file_is_explained():
    explained = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), flags=re.M))
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert used <= explained


def test_the_dashboard_asks_for_metrics_that_exist():
    families = text_string_to_metric_families(GatewayMetrics().render().decode())
    known = {family.name for family in families}
    board = json.loads((ROOT / "deploy/grafana/dashboards/stream-talk.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for t in panel["targets"]
        for name in re.findall(r"stream_talk_\w+", t["expr"])
    }
    assert asked
    for name in asked:
        base = re.sub(r"_(total|bucket|sum|count)$", "", name)
        assert base in known or name in known, name


def test_unit_files_are_sound():
    plist = plistlib.loads((ROOT / "deploy/launchd/org.stream-talk.plist").read_bytes())
    assert plist["ProgramArguments"][-1] == "--no-browser"
    unit = (ROOT / "deploy/systemd/stream-talk.service").read_text()
    assert "ExecStart=%h/stream-talk/scripts/start --no-browser" in unit


def test_nginx_takes_the_configuration(tmp_path):
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ access_log off; include {ROOT}/deploy/nginx/stream-talk.conf; }}"
    )
    command = [nginx, "-t", "-q", "-e", f"{tmp_path}/error.log", "-c", str(conf)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
