"""What everybody has to install, added up from the files of the distributions that the core needs."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LIMIT_MB = 250.0
PIP_MB = 9.0  # an environment of scripts/start holds pip as well, without its bytecode


def requirements_of(name: str, extras: frozenset[str]) -> set[tuple[str, frozenset[str]]]:
    wanted = (Requirement(line) for line in metadata.requires(name) or [])
    here = [r for r in wanted if r.marker is None or any(r.marker.evaluate({"extra": e}) for e in extras or {""})]
    return {(canonicalize_name(r.name), frozenset(r.extras)) for r in here}


def core_distributions() -> set[str]:
    nodeps = (ROOT / "scripts" / "requirements-nodeps.txt").read_text(encoding="utf-8").splitlines()
    found = {Requirement(line).name for line in nodeps if line and not line.startswith("#")}
    open_ends, seen = requirements_of("stream-talk", frozenset()), set()
    while open_ends:
        name, extras = item = open_ends.pop()
        seen.add(item)
        found.add(name)
        open_ends |= requirements_of(name, extras) - seen
    return found


def size_mb(name: str) -> float:
    """Space on the disk, in blocks; bytecode is not part of an installation by scripts/start."""
    files = [Path(str(file.locate())) for file in metadata.files(name) or [] if file.suffix != ".pyc"]
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in files if path.is_file()) / 1e6


def test_core_is_small_and_has_no_torch():
    if not metadata.files("numpy"):
        pytest.skip("this installation does not tell its files")
    sizes = {name: size_mb(name) for name in core_distributions()}
    print("\n".join(f"{mb:7.1f} {name}" for name, mb in sorted(sizes.items(), key=lambda item: -item[1])))
    assert not {"torch", "transformers"} & sizes.keys()
    # onnxruntime for Python 3.10 ended at a version that still wants sympy.
    limit_mb = LIMIT_MB if sys.version_info >= (3, 11) else LIMIT_MB + 90
    assert sum(sizes.values()) + PIP_MB <= limit_mb
