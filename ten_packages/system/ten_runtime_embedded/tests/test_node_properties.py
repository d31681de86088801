"""Properties of nodes: files, graph, placeholders, and the schemas of manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ten_runtime import (
    AsyncExtension,
    Cmd,
    CmdResult,
    Data,
    Loc,
    SendOptions,
    StartGraphCmd,
    StatusCode,
    register_addon_as_extension,
)
from ten_runtime.addon import Addon

TESTER = "ten:test_extension"


async def ask(env: Any, name: str, *, to: Loc | None = None, **properties: Any) -> dict[str, Any]:
    cmd = Cmd.create(name)
    cmd.set_property_from_json(None, json.dumps(properties))
    if to is not None:
        cmd.set_dests([to])
    result, error = await env.send_cmd(cmd)
    assert error is None, str(error)
    answer: dict[str, Any] = json.loads(result.get_property_to_json()[0])
    return {"status": int(result.get_status_code()), **answer}


def packaged(tmp_path: Path, name: str, cls: type, *, manifest: dict[str, Any], properties: dict[str, Any]) -> str:
    """An addon with files of its own."""
    directory = tmp_path / name
    directory.mkdir()
    base = {"type": "extension", "name": name, "version": "0.1.0"}
    (directory / "manifest.json").write_text(json.dumps({**base, **manifest}))
    (directory / "property.json").write_text(json.dumps(properties))

    @register_addon_as_extension(name, str(directory / "addon.py"))
    class _Addon(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            ten_env.on_create_instance_done(cls(name), context)

    return name


class Properties(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_from_json("tree", (await async_ten_env.get_property_to_json(""))[0])
        await async_ten_env.return_result(result)


def node(addon: str, **properties: Any) -> dict[str, Any]:
    return {"type": "extension", "name": "sut", "addon": addon, "property": properties}


def one_node_graph(entry: dict[str, Any]) -> dict[str, Any]:
    tester = {"type": "extension", "name": TESTER, "addon": TESTER}
    flows = [{"name": "ask", "dest": [{"extension": "sut"}]}]
    return {"nodes": [tester, entry], "connections": [{"extension": TESTER, "cmd": flows, "data": flows}]}


def test_node_properties_are_merged_over_the_files_and_placeholders_resolved(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEN_TEST_WORD", "word")
    monkeypatch.setenv("TEN_TEST_EMPTY", "")
    file = {
        "kept": 1,
        "deep": {"a": 1, "b": 2},
        "list": [1, 2, 3],
        "word": "${env:TEN_TEST_WORD}",
        "none": "${env:TEN_TEST_UNSET|}",
        "empty": "${env:TEN_TEST_EMPTY|x}",
        "text": "not ${env:TEN_TEST_WORD} whole",
    }
    addon = packaged(tmp_path, "merged_python", Properties, manifest={}, properties=file)

    async def script(env: Any, _tester: Any) -> None:
        tree = (await ask(env, "ask"))["tree"]
        assert tree == {
            "kept": 1,
            "deep": {"a": 1, "b": 5, "c": "fallback"},
            "list": [9],
            "word": "word",
            "none": "",
            "empty": "",
            "text": "not ${env:TEN_TEST_WORD} whole",
        }

    graph = one_node_graph(node(addon, deep={"b": 5, "c": "${env:TEN_TEST_UNSET|fallback}"}, list=[9]))
    assert stage.play(None, script, graph=graph) is None


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"word": "${env:TEN_TEST_UNSET}"}, ["TEN_TEST_UNSET", "not set", "word"]),
        ({"word": "${file:x}"}, ["Unsupported placeholder scope", "word"]),
        ({"count": "seven"}, ["count", "int64"]),
    ],
)
def test_wrong_properties_fail_the_start_and_name_node_and_key(
    stage: Any, tmp_path: Path, properties: dict[str, Any], words: list[str]
) -> None:
    name = f"typed_{abs(hash(str(properties)))}_python"
    api = {"property": {"properties": {"count": {"type": "int64"}}}}
    addon = packaged(tmp_path, name, Properties, manifest={"api": api}, properties={})

    async def script(_env: Any, _tester: Any) -> None:
        raise AssertionError("must not start")

    verdict = stage.play(None, script, graph=one_node_graph(node(addon, **properties)))
    assert verdict is not None
    for word in ['node "sut"', *words]:
        assert word in verdict.error_message()


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"ten": {"path_timeout": "5s"}}, "ten.path_timeout: '5s' is no time"),
        ({"ten": {"manual_trigger_life_cycle": [{"stage": "strt"}]}}, "unknown stage 'strt'; did you mean \"start\"?"),
        ({"ten_embedded": {"inbox_limit": True}}, "ten_embedded.inbox_limit: True is no limit"),
    ],
)
def test_wrong_settings_of_the_runtime_fail_the_start(stage: Any, properties: dict[str, Any], words: str) -> None:
    async def script(_env: Any, _tester: Any) -> None:
        raise AssertionError("must not start")

    verdict = stage.play(AsyncExtension, script, properties=properties)
    assert verdict is not None and words in verdict.error_message()


def test_schemas_adjust_and_guard_properties_and_messages(stage: Any, tmp_path: Path) -> None:
    class Guarded(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            ratio, error = await async_ten_env.get_property_float("ratio")
            assert (ratio, error) == (2.0, None), "an int is adjusted to the declared float"
            refused = await async_ten_env.set_property_string("ratio", "x")
            assert refused is not None
            bad = Data.create("out")
            bad.set_property_string("n", "x")
            refused = await async_ten_env.send_data(bad, SendOptions(wait_for_result=True))
            assert refused.error_code() == 1 and ".n" in refused.error_message()
            wrong = CmdResult.create(StatusCode.OK, cmd)
            wrong.set_property_string("answer", "x")
            assert await async_ten_env.return_result(wrong, SendOptions(wait_for_result=True)) is not None
            right = CmdResult.create(StatusCode.OK, cmd)
            right.set_property_int("answer", 42)
            assert await async_ten_env.return_result(right) is None

        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            raise AssertionError("violates the manifest, must not arrive")

    number = {"property": {"properties": {"n": {"type": "int32"}}}}
    answer = {"result": {"property": {"properties": {"answer": {"type": "int64"}}}}}
    api = {
        "property": {"properties": {"ratio": {"type": "float64"}}},
        "cmd_in": [{"name": "ask", **number, **answer}],
        "data_in": [{"name": "ask", **number}],
        "data_out": [{"name": "out", **number}],
    }
    addon = packaged(tmp_path, "guarded_python", Guarded, manifest={"api": api}, properties={"ratio": 2})

    async def script(env: Any, _tester: Any) -> None:
        refused = await ask(env, "ask", n="not a number")
        assert refused["status"] == StatusCode.ERROR and ".n" in refused["detail"]
        data = Data.create("ask")
        data.set_property_int("n", 2**40)
        await env.send_data(data)
        assert await ask(env, "ask", n=1) == {"status": 0, "answer": 42}

    assert stage.play(None, script, graph=one_node_graph(node(addon))) is None


def test_init_property_replaces_the_file_only_during_on_configure(stage: Any, tmp_path: Path) -> None:
    class Initialised(Properties):
        async def on_configure(self, async_ten_env: Any) -> None:
            assert await async_ten_env.init_property_from_json('{"from": "code"}') is None

        async def on_init(self, async_ten_env: Any) -> None:
            error = await async_ten_env.init_property_from_json("{}")
            assert error.error_code() == 1 and error.error_message() == "Invalid timing to init property."

    addon = packaged(tmp_path, "initialised_python", Initialised, manifest={}, properties={"from": "file"})

    async def script(env: Any, _tester: Any) -> None:
        assert (await ask(env, "ask"))["tree"] == {"from": "code", "node": 1}

    assert stage.play(None, script, graph=one_node_graph(node(addon, node=1))) is None


async def command(env: Any, cmd: Cmd) -> tuple[StatusCode, dict[str, Any]]:
    cmd.set_dests([Loc("")])
    result, error = await env.send_cmd(cmd)
    assert error is None
    return result.get_status_code(), json.loads(result.get_property_to_json()[0])


async def start(env: Any, graph: dict[str, Any]) -> str:
    cmd = StartGraphCmd.create()
    assert cmd.set_graph_from_json(json.dumps(graph))
    status, properties = await command(env, cmd)
    assert status == StatusCode.OK, properties
    return str(properties["graph_id"])
