"""Makes the project's virtual environments and keeps them up to date. Standard library only; used by start and test.

An environment carries stamps: hashes of everything that decides its contents. Same stamp, nothing to do. Start and test
install different extras into one environment and have a stamp each, so that neither undoes the other's.
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
# Installed and never read, 20 MB: pip's bytecode, and all forms of Silero's model but the one that we load.
_UNREAD = ("pip/**/__pycache__", "silero_vad/data/silero_vad*")
_READ = ("silero_vad_16k_op15.onnx",)


class SetupFailed(Exception):
    """Something could not be installed; the message says what and where the log is."""


def python_of(environment: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _fingerprint(text: str, files: list[Path]) -> str:
    digest = hashlib.sha256(text.encode())
    for path in files:
        digest.update(path.read_bytes() if path.is_file() else b"-")
    return digest.hexdigest()


class _Stamps:
    """A file of lines "what the project asks for, what was installed of it". Those of an earlier project count no more."""

    def __init__(self, environment: Path, extras: str, files: list[Path]) -> None:
        self._file = environment / "stream-talk.stamp"
        self._project = _fingerprint(sys.version, [Path(__file__), ROOT / "pyproject.toml", CONSTRAINTS])
        self._own = f"{self._project} {_fingerprint(extras, files)}"

    def _lines(self) -> list[str]:
        return self._file.read_text(encoding="utf-8").splitlines() if self._file.is_file() else []

    def is_there(self) -> bool:
        return self._own in self._lines()

    def add(self) -> None:
        others = [line for line in self._lines() if line.startswith(self._project)]
        self._file.write_text("\n".join([*others, self._own]) + "\n", encoding="utf-8")


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


def _has_pip(interpreter: Path) -> bool:
    """False also for an environment whose making was interrupted, or whose Python is gone."""
    try:
        return subprocess.run([str(interpreter), "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def _make(environment: Path) -> None:
    if environment.exists() and not (environment / "pyvenv.cfg").is_file():
        raise SetupFailed(f"{environment} is no virtual environment: move it away, and run this again")
    shutil.rmtree(environment, ignore_errors=True)
    _Progress(f"Making {environment.name}").done()
    try:
        venv.EnvBuilder(with_pip=True).create(environment)
    except (subprocess.CalledProcessError, OSError) as reason:
        shutil.rmtree(environment, ignore_errors=True)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise SetupFailed(
            f"{sys.executable} cannot make a virtual environment: {reason}\n"
            f"On Debian and Ubuntu: apt install python3-venv (or python{version}-venv), and run this again."
        ) from None
    # Python 3.10 and 3.11 put it into every environment; who needs it says so and gets it.
    uninstall = [str(python_of(environment)), "-m", "pip", "uninstall", "--disable-pip-version-check", "-q", "-y"]
    subprocess.run([*uninstall, "setuptools"], check=False, capture_output=True)


def _trim(environment: Path) -> None:
    for site in (*environment.glob("lib/python*/site-packages"), *environment.glob("Lib/site-packages")):
        for path in [found for pattern in _UNREAD for found in site.glob(pattern) if found.name not in _READ]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


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
    stamps = _Stamps(environment, target, [*requirements, *nodeps])
    interpreter = python_of(environment)
    if interpreter.exists() and stamps.is_there():
        return interpreter
    if not _has_pip(interpreter):
        _make(environment)
    log = environment / "install.log"
    arguments = ["-c", str(CONSTRAINTS), "-e", target]
    for path in requirements:
        arguments += ["-r", str(path)]
    _pip(environment, arguments, title, log)
    for path in nodeps:
        if path.is_file():
            _pip(environment, ["--no-deps", "-r", str(path)], f"{title} ({path.stem})", log)
    _trim(environment)
    stamps.add()
    return interpreter
