"""Environments of engines whose pins clash with others'. A graph names one as `"engine": {"interpreter": "@NAME"}`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stream_talk.paths import environments_dir

PREFIX = "@"
# Written last, so that a half-built environment is not taken for a whole one.
MARKER = "stream-talk-engine.json"


def environment_python(name: str) -> Path:
    return environments_dir() / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_installed(name: str) -> bool:
    return (environments_dir() / name / MARKER).is_file() and environment_python(name).exists()


def resolve_interpreter(configured: str) -> str:
    """The Python to run an engine with. An environment that is not built leaves ours, where the engine may be installed as well."""
    if not configured.startswith(PREFIX):
        return configured or sys.executable
    name = configured.removeprefix(PREFIX)
    return str(environment_python(name)) if is_installed(name) else sys.executable
