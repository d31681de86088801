"""Makes the project's virtual environments and keeps them up to date. Standard library only; used by start and test.

An environment carries a stamp: a hash of everything that decides its contents. Same stamp, nothing to do.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
NODEPS = ROOT / "scripts" / "requirements-nodeps.txt"
_STEPS_PER_LINE_LIMIT = 100


class SetupFailed(Exception):
    """Something could not be installed; the message says what and where the log is."""


def python_of(environment: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _fingerprint(parts: list[str], files: list[Path]) -> str:
    digest = hashlib.sha256("\0".join([sys.version, *parts]).encode())
    for path in files:
        digest.update(path.read_bytes() if path.is_file() else b"-")
    return digest.hexdigest()


class _Progress:
    """One line that changes on a terminal; a few plain lines elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tty = sys.stderr.isatty()
        self._packages = 0
        if not self._tty:
            print(f"{title} ...", file=sys.stderr, flush=True)

    def see(self, line: str) -> None:
        """Take one line of pip's output."""
        if not self._tty:
            return
        if line.startswith("Collecting "):
            self._packages += 1
            self._show(f"{self._packages} packages, {line.split()[1]}")
        elif line.startswith("Installing collected packages"):
            self._show(f"unpacking {self._packages} packages")

    def _show(self, text: str) -> None:
        line = f"{self._title}: {text}"[:_STEPS_PER_LINE_LIMIT]
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self._tty:
            print(f"\r\033[K{self._title}: done", file=sys.stderr, flush=True)


def _pip(environment: Path, arguments: list[str], title: str, log: Path) -> None:
    # Without --no-compile, pip also writes bytecode of all that is never imported: 45 MB of the core install.
    options = ["--disable-pip-version-check", "--no-compile"]
    command = [str(python_of(environment)), "-m", "pip", "install", *options, *arguments]
    progress = _Progress(title)
    with log.open("a", encoding="utf-8") as log_file:
        log_file.write("$ " + " ".join(command) + "\n")
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        assert process.stdout is not None
        tail: list[str] = []
        for line in process.stdout:
            log_file.write(line)
            tail = [*tail[-9:], line.rstrip()]
            progress.see(line)
    if process.wait() != 0:
        raise SetupFailed("\n".join([f"{title} failed; the last lines were:", *tail, f"The whole log: {log}"]))
    progress.done()


def ensure_environment(
    environment: Path,
    *,
    title: str,
    extras: str = "",
    requirements: list[Path] | None = None,
    nodeps: list[Path] | None = None,
) -> Path:
    """Create or update `environment` with the project (editable) and its requirements; return its interpreter."""
    requirements = requirements or []
    nodeps = [NODEPS, *(nodeps or [])]
    target = f"{ROOT}[{extras}]" if extras else str(ROOT)
    stamp_file = environment / "stream-talk.stamp"
    stamp = _fingerprint([target], [ROOT / "pyproject.toml", CONSTRAINTS, *requirements, *nodeps])
    interpreter = python_of(environment)
    if interpreter.exists() and stamp_file.is_file() and stamp_file.read_text() == stamp:
        return interpreter
    if not interpreter.exists():
        shutil.rmtree(environment, ignore_errors=True)
        _Progress(f"Making {environment.name}").done()
        venv.EnvBuilder(with_pip=True).create(environment)
    log = environment / "install.log"
    arguments = ["-c", str(CONSTRAINTS), "-e", target]
    for path in requirements:
        arguments += ["-r", str(path)]
    _pip(environment, arguments, title, log)
    for path in nodeps:
        if path.is_file():
            _pip(environment, ["--no-deps", "-r", str(path)], f"{title} ({path.stem})", log)
    stamp_file.write_text(stamp)
    return interpreter
