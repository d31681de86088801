"""The stages of scripts/test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import bootstrap

ROOT = bootstrap.ROOT
ENVIRONMENTS = ROOT / "tests" / "environments"

# What the tests use that pip cannot bring, and the file that tells that it is there.
DEBIAN_PACKAGES = {
    "libc++1": "/usr/lib/*/libc++.so.1*",
    "ffmpeg": "/usr/bin/ffmpeg",
    "asterisk-core-sounds-en-g722": "/usr/share/asterisk/sounds/en_US_*/*.g722",
    "asterisk-core-sounds-en": "/usr/share/doc/asterisk-core-sounds-en/*",
    "redis-server": "/usr/bin/redis-server",
    "chromium": "/usr/bin/chromium",
    "nginx-light": "/usr/sbin/nginx",
}


def _missing_packages() -> list[str]:
    return [
        name for name, pattern in DEBIAN_PACKAGES.items()
        if not any(Path("/").glob(pattern.lstrip("/")))
    ]  # fmt: skip


def ensure_debian_packages() -> None:
    """Install what is missing where that is possible; otherwise say it, and let the tests that need it skip."""
    missing = _missing_packages()
    if not missing:
        return
    if not shutil.which("apt-get") or os.name == "nt" or os.geteuid() != 0:
        print(f"Some tests will be skipped; they need: sudo apt-get install {' '.join(missing)}", file=sys.stderr)
        return
    print(f"Installing {', '.join(missing)} ...", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"stdout": subprocess.DEVNULL, "env": environment}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, **quiet)
    still = _missing_packages()
    if still:
        print(f"Could not install {', '.join(still)}; the tests that need them will be skipped.", file=sys.stderr)


def ensure_javascript_clients() -> None:
    """The stock JavaScript clients of the protocol tests; without Node.js those tests skip."""
    folder = ROOT / "tests" / "js"
    stamp = folder / "node_modules" / "stream-talk.stamp"
    wanted = (folder / "package.json").read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        print("Some tests will be skipped; they need Node.js (nodejs.org).", file=sys.stderr)
        return
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print("Installing the JavaScript clients of tests/js ...", file=sys.stderr, flush=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    if subprocess.run(command, cwd=folder, check=False, stderr=subprocess.DEVNULL).returncode == 0:
        stamp.write_text(wanted, encoding="utf-8")


@dataclass
class EngineEnvironment:
    """tests/environments/<name>: what to install, and which tests run in it."""

    name: str
    folder: Path

    def build(self) -> Path:
        nodeps = self.folder / "requirements-nodeps.txt"
        return bootstrap.ensure_environment(
            ROOT / ".venvs" / self.name,
            title=f"Installing the engines of tests/environments/{self.name}",
            extras="dev",
            requirements=[self.folder / "requirements.txt"],
            nodeps=[nodeps] if nodeps.is_file() else [],
        )

    @property
    def tests(self) -> list[str]:
        lines = (self.folder / "tests.txt").read_text(encoding="utf-8").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def engine_environments() -> list[EngineEnvironment]:
    return [EngineEnvironment(f.parent.name, f.parent) for f in sorted(ENVIRONMENTS.glob("*/tests.txt"))]


def _run(title: str, command: list[str]) -> bool:
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"== {title}: {'ok' if code == 0 else f'failed ({code})'} in {time.monotonic() - started:.0f} s", flush=True)
    return code == 0


def _checks(python: str) -> list[tuple[str, list[str]]]:
    # Machines that others share now and then make a real-time test late. It gets a second try, and the summary says so.
    pytest = [python, "-m", "pytest", "-q", "--reruns", "1", "-rR"]
    return [
        ("lint", [python, "-m", "ruff", "check", "."]),
        ("format", [python, "-m", "ruff", "format", "--check", "."]),
        ("types", [python, "-m", "mypy"]),
        ("tests", [*pytest, "-n", "2", "--dist", "loadfile", "-m", "not browser"]),
        ("browser tests", [*pytest, "-m", "browser"]),
    ]


def run_everything(python: str) -> int:
    results: dict[str, bool] = {}
    with ThreadPoolExecutor(1) as installer:
        # Engine environments are mostly downloads: they are made while the main suite runs.
        builds: dict[str, tuple[EngineEnvironment, Future[Path]]] = {
            e.name: (e, installer.submit(e.build)) for e in engine_environments()
        }
        for title, command in _checks(python):
            results[title] = _run(title, command)
        for name, (environment, build) in builds.items():
            interpreter = str(build.result())
            results[f"engines: {name}"] = _run(
                f"engines: {name}",
                [interpreter, "-m", "pytest", "-q", "--reruns", "1", "-rR", "-p", "no:xdist", *environment.tests],
            )
    failed = [title for title, ok in results.items() if not ok]
    print("\nAll stages passed." if not failed else f"\nFailed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print(
            "usage: scripts/test [PYTEST ARGUMENTS]\n\nWithout arguments: lint, types, all tests, engine environments."
        )
        return 0
    ensure_debian_packages()
    ensure_javascript_clients()
    python = str(
        bootstrap.ensure_environment(
            ROOT / ".venv",
            title="Installing Stream-Talk and its test tools",
            extras="dev,redis,lmstudio,deployment,tls",
        )
    )
    if arguments:
        return subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode
    return run_everything(python)
