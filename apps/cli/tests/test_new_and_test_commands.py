"""`stream-talk new` makes packages whose tests `stream-talk test` passes; `test` also takes packages of other people."""

import json
import os
import subprocess
import sys

import pytest
from stream_talk_cli.commands.new import KINDS, write_extension
from stream_talk_cli.main import main

CLI = [sys.executable, "-m", "stream_talk_cli.main"]


def stream_talk(*arguments, cwd):
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("STREAM_TALK", "TEN_", "PYTEST"))}
    return subprocess.run([*CLI, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("kind", KINDS)
def test_a_skeleton_of_each_kind_passes_its_tests(tmp_path, kind):
    made = stream_talk("new", "extension", f"my_{kind}_python", "--kind", kind, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = stream_talk("test", f"my_{kind}_python", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_a_broken_skeleton_fails(tmp_path):
    write_extension(tmp_path / "x_python", "x_python", "plain")
    extension = tmp_path / "x_python" / "extension.py"
    extension.write_text(extension.read_text().replace("{self.greeting}", "oops"))
    done = stream_talk("test", "x_python", "-q", cwd=tmp_path)
    assert done.returncode != 0
    assert "Hello, world!" in done.stdout + done.stderr


def test_new_puts_packages_into_the_app_around(tmp_path, monkeypatch, capsys):
    (tmp_path / "manifest.json").write_text('{"type": "app", "name": "a", "version": "0.1.0"}')
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert main(["new", "extension", "my_python"]) == 0
    made = tmp_path / "ten_packages" / "extension" / "my_python"
    assert str(made) in capsys.readouterr().out
    manifest = json.loads((made / "manifest.json").read_text())
    assert (manifest["type"], manifest["name"], manifest["api"]["cmd_in"][0]["name"]) == (
        "extension",
        "my_python",
        "greet",
    )
    assert main(["new", "extension", "my_python"]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["My", "1x", "a-b", "../x", ""])
def test_new_refuses_names_that_are_no_packages(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["new", "extension", name]) == 1
    assert "is no package name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


PATCHING_TEST = """

from unittest.mock import patch


def test_patched():
    with patch("foreign_python.extension.StatusCode") as fake:
        fake.OK, fake.ERROR = StatusCode.OK, StatusCode.OK
        assert answer(Cmd.create("sing")).status == StatusCode.OK
"""


def foreign(tmp_path):
    """A package as TEN's own examples have it: `tests` is a package too, and it patches the module under its short name."""
    package = tmp_path / "foreign_python"
    write_extension(package, "foreign_python", "plain")
    (package / "tests" / "__init__.py").touch()
    test = package / "tests" / "test_foreign_python.py"
    test.write_text(test.read_text() + PATCHING_TEST)
    return package


def test_a_package_that_patches_itself_by_its_short_name(tmp_path):
    done = stream_talk("test", str(foreign(tmp_path)), "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_tests_of_a_package_hide_no_other_module_of_that_name(tmp_path):
    write_extension(tmp_path / "ten_packages" / "extension" / "x_python", "x_python", "plain")
    (tmp_path / "manifest.json").write_text('{"type": "app", "name": "a", "version": "0.1.0"}')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "shared.py").write_text("ANSWER = 42")
    test = tmp_path / "ten_packages" / "extension" / "x_python" / "tests" / "test_shared.py"
    test.write_text("from tests.shared import ANSWER\n\ndef test_shared():\n    assert ANSWER == 42\n")
    done = stream_talk("test", str(test.parents[1]), "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_package_with_its_own_start_script(tmp_path):
    package = foreign(tmp_path)
    script = package / "tests" / "bin" / "start"
    script.parent.mkdir()
    lines = [
        "set -e",
        'cd "$(dirname "${BASH_SOURCE[0]}")/../.."',
        "export PYTHONPATH=.ten/app:$PYTHONPATH",
        'pytest -s tests/ "$@"',
    ]
    script.write_text("\n".join(["#!/usr/bin/env bash", *lines]))
    done = stream_talk("test", str(package), "-k", "greets", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 3 deselected" in done.stdout


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "manifest.json: the file does not exist"),
        ({"manifest.json": '{"type": "app"}'}, "this is no extension, its type is 'app'"),
        ({"manifest.json": '{"type": "extension"}'}, "has no tests/"),
    ],
)
def test_directories_that_cannot_be_tested(tmp_path, capsys, files, told):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert main(["test", str(tmp_path)]) == 1
    assert told in capsys.readouterr().err
