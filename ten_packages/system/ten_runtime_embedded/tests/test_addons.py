"""Addons: registration, discovery, identity of modules, creation."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncExtensionTester,
    Cmd,
    CmdResult,
    StatusCode,
    TenError,
    register_addon_as_extension,
)
from ten_runtime.addon_manager import _AddonManager

EXTENSION = """
from ten_runtime import *
class Packaged(AsyncExtension):
    async def on_cmd(self, env, cmd):
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_string("module", type(self).__module__)
        result.set_property_string("from_file", (await env.get_property_string("from_file"))[0])
        await env.return_result(result)
"""
ADDON = """
from ten_runtime import *
from .extension import Packaged
@register_addon_as_extension("{name}")
class PackagedAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Packaged(name), context)
"""


def make_app(directory: Path) -> Path:
    (directory / "ten_packages" / "extension").mkdir(parents=True)
    (directory / "manifest.json").write_text('{"type": "app", "name": "app", "version": "0.1.0"}')
    return directory


def make_package(parent: Path, name: str, *, init: str = "from . import addon\n") -> Path:
    package = parent / name
    package.mkdir()
    (package / "__init__.py").write_text(init)
    (package / "addon.py").write_text(ADDON.format(name=name))
    (package / "extension.py").write_text(EXTENSION)
    (package / "manifest.json").write_text(json.dumps({"type": "extension", "name": name, "version": "0.1.0"}))
    (package / "property.json").write_text('{"from_file": "yes"}')
    return package


@pytest.fixture
def fresh_packages(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``ten_packages`` as if it had never been imported."""
    for name in [name for name in sys.modules if name == "ten_packages" or name.startswith("ten_packages.")]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("ten_packages") or name.endswith("_fresh_python"):
            del sys.modules[name]


class Asker(AsyncExtensionTester):
    def __init__(self) -> None:
        super().__init__()
        self.answer: dict[str, Any] = {}

    async def on_start(self, ten_env: Any) -> None:
        result, _error = await ten_env.send_cmd(Cmd.create("x"))
        self.answer = json.loads(result.get_property_to_json()[0])
        ten_env.stop_test()


def ask(addon: str) -> tuple[TenError | None, dict[str, Any]]:
    tester = Asker()
    tester.set_test_mode_single(addon)
    return tester.run(), tester.answer


def test_an_addon_of_the_app_is_imported_when_a_graph_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_packages: None
) -> None:
    app = make_app(tmp_path)
    make_package(app / "ten_packages" / "extension", "one_fresh_python")
    make_package(app / "ten_packages" / "extension", "unused_fresh_python", init="raise RuntimeError('imported')\n")
    monkeypatch.setenv("TEN_APP_BASE_DIR", str(app))
    error, answer = ask("one_fresh_python")
    assert error is None
    assert answer == {"module": "ten_packages.extension.one_fresh_python.extension", "from_file": "yes"}
    assert "ten_packages.extension.unused_fresh_python" not in sys.modules


@pytest.mark.parametrize("place", ["own directory", "inner directory", "sibling"])
def test_without_an_app_the_working_directory_and_its_siblings_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_packages: None, place: str
) -> None:
    name = f"{place.split()[0]}_fresh_python"
    package = make_package(tmp_path, name)
    (package / "tests").mkdir()
    places = {
        "own directory": package,
        "inner directory": package / "tests",
        "sibling": make_package(tmp_path, "here_fresh_python"),
    }
    monkeypatch.chdir(places[place])
    monkeypatch.delenv("TEN_APP_BASE_DIR", raising=False)
    error, answer = ask(name)
    assert error is None and answer["from_file"] == "yes"


@pytest.mark.parametrize(
    ("init", "words"),
    [
        (
            "raise RuntimeError('out of cheese')\n",
            ["cannot be imported", "RuntimeError: out of cheese", "__init__.py:1"],
        ),
        ("import no_such_library_at_all\n", ["cannot be imported", "no_such_library_at_all"]),
        ("def broken(:\n", ["cannot be imported", "SyntaxError", "__init__.py:1"]),
        ("", ["registers no addon"]),
    ],
)
def test_what_is_wrong_with_a_package_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_packages: None, init: str, words: list[str]
) -> None:
    app = make_app(tmp_path)
    name = f"wrong{abs(hash(init))}_fresh_python"
    make_package(app / "ten_packages" / "extension", name, init=init)
    monkeypatch.setenv("TEN_APP_BASE_DIR", str(app))
    error, _answer = ask(name)
    assert error is not None
    for word in [name, f'node "{name}"', *words]:
        assert word in error.error_message()


def test_of_several_registrations_the_last_before_first_use_counts() -> None:
    made: list[str] = []

    def register(tag: str) -> None:
        @register_addon_as_extension("registered_twice")
        class _Addon(Addon):
            def __init__(self) -> None:
                made.append(f"addon {tag}")

            def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
                made.append(f"instance {tag}")
                ten_env.on_create_instance_done(Replying(name), context)

    register("first")
    register("second")
    assert made == [], "an addon is instantiated only when a graph needs it"
    assert ask("registered_twice")[0] is None
    register("third")
    assert ask("registered_twice")[0] is None
    assert made == ["addon second", "instance second", "instance second"]
    assert "registered_twice" in _AddonManager._registered_addons
    assert _AddonManager._register_addon("registered_twice", None), "it is in use: nothing is instantiated again"
    assert not _AddonManager._register_addon("never_registered", None)


class Replying(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def test_an_instance_may_be_delivered_later_from_another_thread() -> None:
    @register_addon_as_extension("delivers_later")
    class _Addon(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            threading.Timer(0.05, lambda: ten_env.on_create_instance_done(Replying(name), context)).start()

    assert ask("delivers_later")[0] is None


@pytest.mark.parametrize("outcome", ["raises", "wrong type", "nothing"])
def test_an_addon_that_makes_no_extension_fails_the_start(outcome: str) -> None:
    name = f"makes_{outcome.replace(' ', '_')}"

    @register_addon_as_extension(name)
    class _Addon(Addon):
        if outcome != "nothing":

            def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
                if outcome == "raises":
                    raise RuntimeError("out of cheese")
                ten_env.on_create_instance_done(object(), context)

    error, _answer = ask(name)
    words = {"raises": "RuntimeError: out of cheese", "wrong type": "made a object", "nothing": "does not define"}
    assert error is not None and words[outcome] in error.error_message() and name in error.error_message()


def test_preload_all_imports_every_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_packages: None, app_of: Any
) -> None:
    app_dir = make_app(tmp_path)
    for name in ("a_fresh_python", "b_fresh_python"):
        make_package(app_dir / "ten_packages" / "extension", name)
    monkeypatch.setenv("TEN_APP_BASE_DIR", str(app_dir))
    app = app_of(ten={"addon": {"preload_all": True}})
    app.close()
    app.run(False)
    assert app.failure() is None
    assert {"ten_packages.extension.a_fresh_python", "ten_packages.extension.b_fresh_python"} <= set(sys.modules)


def test_an_addon_in_the_apps_own_file_does_not_take_the_apps_properties(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    (app / "property.json").write_text('{"of": "the app"}', encoding="utf-8")

    class Showing(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_from_json(None, (await async_ten_env.get_property_to_json())[0])
            await async_ten_env.return_result(result)

    @register_addon_as_extension("in_main_python", base_dir=str(app / "main.py"))
    class _Addon(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            ten_env.on_create_instance_done(Showing(name), context)

    assert ask("in_main_python") == (None, {})
