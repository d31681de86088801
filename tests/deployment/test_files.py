"""The deployment files, as far as they can be checked without a Docker engine."""

from __future__ import annotations

import json
import os
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


def test_images_run_without_rights_and_know_when_they_are_healthy():
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    users = [re.findall(r"^USER (\w+)", stage, flags=re.M) for stage in stages]
    # A number, which Kubernetes' runAsNonRoot can check.
    assert users[1][-1] == users[2][-1] == "10001", "the last user of every stage that runs has no rights"
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


def tool(name: str) -> str:
    """Beside this Python (scripts/test installs the extra `deployment`), or on the path."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here")
    return found


def test_a_linter_has_nothing_to_say_about_the_dockerfile():
    linted = subprocess.run([tool("hadolint"), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize(
    ("profile", "services"),
    [
        ("", {"app"}),
        ("gpu", {"app", "app-gpu"}),
        ("redis", {"app", "redis", "worker-ltm", "worker-analytics"}),
        ("observability", {"app", "prometheus", "grafana"}),
    ],
)
def test_docker_compose_reads_every_profile(tmp_path, profile, services):
    """From a copy that holds what a stranger has after `cp .env.example .env`."""
    for name in ("docker-compose.yml", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    filled = (tmp_path / ".env.example").read_text().replace("STREAM_TALK_TOKEN=", "STREAM_TALK_TOKEN=open-sesame")
    (tmp_path / ".env").write_text(filled)
    command = [tool("docker-compose"), *(["--profile", profile] if profile else []), "config", "--format", "json"]
    read = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PATH": "", "HOME": str(tmp_path)}
    )
    assert read.returncode == 0, read.stderr
    config = json.loads(read.stdout)
    assert set(config["services"]) == services
    assert config["services"]["app"]["environment"]["STREAM_TALK_TOKEN"] == "open-sesame"
    assert not config["services"]["app"]["environment"]["STREAM_TALK_REDIS_URL"], "events are off unless asked for"
    for name in services & {"worker-ltm", "worker-analytics"}:
        assert config["services"][name]["environment"]["STREAM_TALK_REDIS_URL"] == "redis://redis:6379/0"
    if profile == "observability":
        assert config["secrets"]["stream_talk_token"]["environment"] == "STREAM_TALK_TOKEN"
        assert [s["source"] for s in config["services"]["prometheus"]["secrets"]] == ["stream_talk_token"]


def test_prometheus_shows_the_token_and_finds_whichever_app_runs():
    [job] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/stream_talk_token"
    [found] = job["dns_sd_configs"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for name in ("app", "app-gpu"):
        service = compose["services"][name]
        assert service["networks"]["default"]["aliases"] == found["names"]
        assert service["ports"][0].endswith(f":{found['port']}")


def test_prometheus_takes_its_configuration(tmp_path):
    checker = tool("promtool")
    (tmp_path / "token").write_text("open-sesame")
    text = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("/run/secrets/stream_talk_token", str(tmp_path / "token")))
    command = [checker, "check", "config", str(tmp_path / "prometheus.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


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


def test_systemd_takes_the_units(tmp_path):
    """Their paths are a person's; here they lead to something that exists."""
    verifier = tool("systemd-analyze")
    for name in ("stream-talk.service", "stream-talk-worker@.service"):
        text = (ROOT / "deploy/systemd" / name).read_text()
        text = re.sub(r"%h/stream-talk/(scripts/start|\.venv/bin/stream-talk)", "/bin/true", text)
        (tmp_path / name.replace("@.", "@ltm.")).write_text(text)
    units = [str(tmp_path / name) for name in ("stream-talk.service", "stream-talk-worker@ltm.service")]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    command = [verifier, "verify", "--user", "--man=no", "--recursive-errors=no", *units]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (checked.returncode, checked.stderr) == (0, "")


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
