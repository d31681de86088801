"""Looks at the machine. Each look is short, needs no package that may be missing, and never raises."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
from typing import Any

_COMMAND_TIMEOUT_S = 5


def cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return None


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def cuda() -> list[str]:
    """Name and memory of each NVIDIA GPU."""
    return [
        line
        for line in _output("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader").splitlines()
        if line
    ]


def is_apple_silicon() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"


def audio_devices() -> dict[str, Any]:
    if importlib.util.find_spec("sounddevice") is None:
        return {
            "available": False,
            "problem": "the package sounddevice is missing",
            "remedy": "pip install 'stream-talk[microphone]'",
        }
    try:
        import sounddevice

        devices = sounddevice.query_devices()
    except OSError:
        return {
            "available": False,
            "problem": "PortAudio is missing",
            "remedy": "apt install libportaudio2 (or brew install portaudio)",
        }
    names = [str(device["name"]) for device in devices]
    if names:
        return {"available": True, "devices": names}
    return {
        "available": False,
        "problem": "no sound device",
        "remedy": "the page uses the browser's microphone instead",
    }


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex((host, port)) != 0
