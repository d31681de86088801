"""Building an engine's environment for real, from a package made here, and taking it away again."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from stream_talk.engines import environments
from stream_talk_cli.engines import build, recipes
from stream_talk_cli.engines.recipes import Recipe
from stream_talk_cli.errors import CommandError
from stream_talk_cli.main import main


@pytest.fixture(autouse=True)
def data_dir(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("STREAM_TALK_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def make_wheel(folder: Path) -> Path:
    wheel = folder / "tiny_engine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_engine.py", "answer = 42\n")
        archive.writestr(
            "tiny_engine-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-engine\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_engine-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_engine-1.0.dist-info/RECORD", "")
    return wheel


@pytest.mark.slow
def test_an_environment_is_built_used_and_removed(tmp_path, monkeypatch, capsys):
    recipe = Recipe("tiny", "Tiny", (str(make_wheel(tmp_path)),), size_gb=0.01)
    monkeypatch.setitem(recipes._BY_NAME, "tiny", recipe)
    assert environments.resolve_interpreter("@tiny") != str(environments.environment_python("tiny"))
    assert main(["engines", "install", "tiny"]) == 0
    assert '"interpreter": "@tiny"' in capsys.readouterr().out
    interpreter = environments.resolve_interpreter("@tiny")
    assert interpreter == str(environments.environment_python("tiny"))
    out = subprocess.check_output(
        [interpreter, "-c", "import numpy, tiny_engine; print(tiny_engine.answer)"], text=True
    )
    assert out.strip() == "42"
    assert main(["engines", "remove", "tiny"]) == 0
    assert not environments.is_installed("tiny")
    assert main(["engines", "remove", "tiny"]) == 1


def test_what_cannot_be_installed_is_said_with_the_log(tmp_path, monkeypatch):
    recipe = Recipe("broken", "Broken", ("./no-such-file.whl",), size_gb=0.01)
    monkeypatch.setattr(build, "environment_python", lambda name: Path("/usr/bin/env"))
    with pytest.raises(CommandError, match="whole log"):
        build.build(recipe, lambda text: None)
    assert not environments.is_installed("broken")


def test_a_python_that_upstream_does_not_allow_is_said(monkeypatch):
    recipe = Recipe("old", "Old", (), pythons=(2,), size_gb=0.01)
    with pytest.raises(CommandError, match=r"needs Python 3\.2"):
        build.build(recipe, lambda text: None)


def test_too_little_space_is_said_before_anything_is_done():
    with pytest.raises(CommandError, match="GB are free"):
        build.build(Recipe("huge", "Huge", (), size_gb=1e9), lambda text: None)


def test_unknown_names_get_a_hint(capsys):
    assert main(["engines", "install", "chatterboks"]) == 1
    assert 'did you mean "chatterbox"' in capsys.readouterr().err
