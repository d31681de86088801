"""The native binding is preferred when the app has it; a broken one is no obstacle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INTERFACE = Path(__file__).parents[1] / "interface"
NATIVE_INIT = """
from libten_runtime_python import flavour
from .cmd import Cmd
"""


def make_native(app: Path, library: str) -> None:
    (app / "manifest.json").write_text('{"type": "app", "name": "app", "version": "0.1.0"}')
    root = app / "ten_packages" / "system" / "ten_runtime_python"
    package = root / "interface" / "ten_runtime"
    package.mkdir(parents=True)
    (root / "lib").mkdir()
    (root / "lib" / "libten_runtime_python.py").write_text(library)
    (package / "__init__.py").write_text(NATIVE_INIT)
    (package / "cmd.py").write_text("class Cmd:\n    native = True\n")


def run(app: Path, code: str, **env: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(INTERFACE), "TEN_APP_BASE_DIR": str(app), **env}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=30, check=True
    )
    return done.stdout.strip() + done.stderr


def test_the_native_package_takes_the_place_of_ours(tmp_path: Path) -> None:
    make_native(tmp_path, "flavour = 'native'\n")
    code = "import ten_runtime, ten_runtime.cmd as c; print(ten_runtime.flavour, ten_runtime.Cmd.native, c.Cmd is ten_runtime.Cmd)"
    assert run(tmp_path, code) == "native True True"


@pytest.mark.parametrize("why", ["forbidden", "broken", "absent"])
def test_otherwise_the_embedded_one_is_used(tmp_path: Path, why: str) -> None:
    if why == "absent":
        (tmp_path / "manifest.json").write_text('{"type": "app"}')
    else:
        make_native(tmp_path, "raise ImportError('built for Python 3.10')\n" if why == "broken" else "flavour = 1\n")
    code = "import ten_runtime, ten_runtime.cmd as c; print(ten_runtime.Cmd.create('x').get_name(), c.Cmd is ten_runtime.Cmd)"
    output = run(tmp_path, code, TEN_RUNTIME="embedded" if why == "forbidden" else "")
    assert output.startswith("x True")
    assert ("built for Python 3.10" in output) is (why == "broken")
