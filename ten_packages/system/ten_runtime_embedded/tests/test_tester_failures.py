"""What fails a test: exceptions in callbacks, and graphs that cannot start."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from ten_runtime import (
    AsyncExtension,
    AsyncExtensionTester,
    Cmd,
    CmdResult,
    Extension,
    StatusCode,
    TenErrorCode,
)


class Answering(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def test_what_cannot_be_started_is_the_verdict_and_says_why() -> None:
    tester = AsyncExtensionTester()
    tester.set_test_mode_single("no_such_addon")
    verdict = tester.run()
    assert verdict is not None and 'unknown addon "no_such_addon"' in verdict.error_message()
    tester = AsyncExtensionTester()
    tester.set_test_mode_graph(json.dumps({"nodes": [{"type": "extension", "name": "a"}]}))
    verdict = tester.run()
    assert verdict is not None and verdict.error_code() == TenErrorCode.ErrorCodeInvalidGraph
    assert "nodes[0]" in verdict.error_message()
    with pytest.raises(ValueError, match="Expecting"):
        AsyncExtensionTester().set_test_mode_single("x", "{")


@pytest.mark.parametrize("testers", [0, 2])
def test_a_graph_without_the_testers_seat_or_with_two_is_refused_at_once(stage: Any, testers: int) -> None:
    seats = [{"type": "extension", "name": f"t{n}", "addon": "ten:test_extension"} for n in range(testers)]
    tester = AsyncExtensionTester()
    tester.set_test_mode_graph(json.dumps({"nodes": [*stage.nodes(one=AsyncExtension), *seats]}))
    verdict = tester.run()
    assert verdict is not None and f"{testers} nodes of the addon" in verdict.error_message()
    assert verdict.error_code() == TenErrorCode.ErrorCodeInvalidGraph


@pytest.mark.parametrize("callback", ["on_init", "on_start", "on_cmd", "on_stop"])
def test_an_exception_fails_the_run_when_it_is_told_to(stage: Any, callback: str) -> None:
    async def raising(self: Any, env: Any, *_message: Any) -> None:
        raise RuntimeError("out of cheese")

    sut = type("Failing", (AsyncExtension,), {callback: raising})

    async def script(env: Any, _tester: Any) -> None:
        if callback == "on_cmd":
            await env.send_cmd(Cmd.create("x"))
        await asyncio.sleep(1)

    verdict = stage.play(sut, script, virtual=True)
    assert verdict is not None
    assert f"{callback} raised RuntimeError: out of cheese" in verdict.error_message()
    assert 'node "' in verdict.error_message() and "addon_" in verdict.error_message()


@pytest.mark.parametrize("error", [RuntimeError("out of cheese"), SystemExit(3)], ids=repr)
def test_an_exception_in_a_sync_extension_fails_the_run_too(stage: Any, error: BaseException) -> None:
    class Failing(Extension):
        def on_init(self, ten_env: Any) -> None:
            raise error

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(1)

    verdict = stage.play(Failing, script, virtual=True)
    assert verdict is not None and f"on_init raised {type(error).__name__}" in verdict.error_message()


@pytest.mark.parametrize("virtual", [False, True])
def test_a_task_that_leaves_with_system_exit_does_not_take_the_loop_with_it(stage: Any, virtual: bool) -> None:
    class Leaving(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            async def leave() -> None:
                raise SystemExit(3)

            task = asyncio.create_task(leave())
            await asyncio.wait((task,))
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("left_with", repr(task.exception()))
            await async_ten_env.return_result(result)

    async def script(env: Any, _tester: Any) -> None:
        result, _error = await env.send_cmd(Cmd.create("x"))
        assert result.get_property_string("left_with")[0] == "SystemExit(3)"

    assert stage.play(Leaving, script, virtual=virtual) is None


def test_an_exception_can_be_raised_from_run(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEN_UNCAUGHT_EXCEPTION")

    class Tester(AsyncExtensionTester):
        async def on_start(self, ten_env: Any) -> None:
            raise AssertionError("one is not two")

    tester = Tester()
    tester.set_test_mode_single(stage.addon(Answering))
    with pytest.raises(AssertionError, match="one is not two"):
        tester.run()


DYING = """
from ten_runtime import *
class Tester(AsyncExtensionTester):
    async def on_start(self, ten_env):
        assert 1 == 2, "one is not two"
@register_addon_as_extension("plain")
class A(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(AsyncExtension(name), context)
tester = Tester()
tester.set_test_mode_single("plain")
tester.run()
"""


def test_by_default_a_failing_assertion_ends_the_process_with_code_1() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PATH": "", "PYTHONPATH": _paths()},
    )
    assert done.returncode == 1
    assert "Uncaught exception: one is not two" in done.stderr


def _paths() -> str:
    import os

    return os.pathsep.join(sys.path)
