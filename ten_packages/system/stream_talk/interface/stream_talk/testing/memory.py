"""Memory of this process and of the workers below it: an engine that leaks usually does so in its worker."""

from __future__ import annotations

import os
from pathlib import Path

from stream_talk.engines.memory import resident_mb

_PROC = Path("/proc")


def family_mb() -> float:
    """Resident memory of this process and its descendants; where the system has no /proc, of this process alone."""
    if not (_PROC / "self" / "stat").exists():
        return resident_mb()
    return sum(_resident_mb(pid) for pid in _family(os.getpid()))


def _family(root: int) -> set[int]:
    parents = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _parent(pid: int) -> int | None:
    try:
        # The name in parentheses may hold anything, spaces and parentheses included.
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None  # it has just ended


def _resident_mb(pid: int) -> float:
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
