"""The page's pure modules, tested by Node itself: no packages, no browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MAX_LINES = 300


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_modules_pass_their_unit_tests() -> None:
    files = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    result = subprocess.run(
        ["node", "--test", *files], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def sources(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in (ROOT / "apps" / "web").rglob(pattern))


@pytest.mark.parametrize("path", sources("*.js", "*.html"), ids=lambda path: path.name)
def test_page_never_inserts_markup_and_loads_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
    ):
        assert forbidden not in text
    assert set(re.findall(r"//([a-z0-9-]+(?:\.[a-z0-9-]+)*)/?", text)) <= {"www.w3.org", "localhost"}


@pytest.mark.parametrize("path", sources("*.js"), ids=lambda path: path.name)
def test_modules_are_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < MAX_LINES
