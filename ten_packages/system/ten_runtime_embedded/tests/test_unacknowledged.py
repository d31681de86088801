"""Callbacks that are never acknowledged: they are named, and nothing waits for them for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ten_runtime import (
    Addon,
    App,
    AsyncExtension,
    AsyncExtensionTester,
    Cmd,
    Extension,
    Loc,
    TenErrorCode,
    register_addon_as_extension,
)


def test_an_extension_that_never_acknowledges_its_end_is_named_and_left_behind(app_of: Any, stage: Any) -> None:
    class Stuck(Extension):
        def on_stop(self, ten_env: Any) -> None:
            """Forgets on_stop_done."""

    class Closer(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            close = Cmd.create("ten:close_app")
            close.set_dests([Loc("")])
            await async_ten_env.send_cmd(close)

    nodes = [
        {"type": "extension", "name": "stuck", "addon": stage.addon(Stuck)},
        {"type": "extension", "name": "closer", "addon": stage.addon(Closer)},
    ]
    app = app_of(nodes, ten_embedded={"stop_timeout_s": 3})
    app.run(False)
    failure = app.failure()
    assert failure is not None
    assert (
        'node "stuck"' in failure.error_message()
        and "on_stop was not acknowledged within 3 s" in failure.error_message()
    )
    assert __file__ in failure.error_message()
    assert app.events[-1] == "deinit"


def test_an_extension_that_never_acknowledges_its_configuration_fails_the_app(app_of: Any, stage: Any) -> None:
    class Stuck(Extension):
        def on_configure(self, ten_env: Any) -> None:
            """Forgets on_configure_done."""

    app = app_of(
        [{"type": "extension", "name": "stuck", "addon": stage.addon(Stuck)}],
        ten_embedded={"start_timeout_s": 2, "stop_timeout_s": 1},
    )
    app.run(False)
    assert "on_configure was not acknowledged within 2 s" in app.failure().error_message()


def test_an_async_extension_that_hangs_in_on_stop_is_cancelled_and_named(app_of: Any, stage: Any) -> None:
    ends: list[str] = []

    class Hanging(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            close = Cmd.create("ten:close_app")
            close.set_dests([Loc("")])
            await async_ten_env.send_cmd(close)

        async def on_stop(self, async_ten_env: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ends.append("cancelled")

    app = app_of([{"type": "extension", "name": "hanging", "addon": stage.addon(Hanging)}])
    app.run(False)
    message = app.failure().error_message()
    assert 'node "hanging"' in message and "on_stop was not acknowledged within 20 s" in message
    assert ends == ["cancelled"] and app.events[-1] == "deinit"


def test_an_addon_that_delivers_nothing_does_not_hold_up_the_end_of_a_test() -> None:
    @register_addon_as_extension("empty_handed_addon")
    class _EmptyHanded(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            """Forgets on_create_instance_done."""

    tester = AsyncExtensionTester()
    tester.set_test_mode_single("empty_handed_addon")
    tester.set_timeout(200_000)
    error = tester.run()
    assert error is not None and error.error_code() == TenErrorCode.ErrorCodeTimeout


@pytest.mark.parametrize("callback", ["on_configure", "on_init", "on_deinit"])
def test_an_app_that_does_not_acknowledge_ends_all_the_same(callback: str) -> None:
    app = App()
    setattr(app, callback, lambda ten_env: None)
    app.set_virtual_clock(True)
    app.run(True)
    app.close()
    app.wait()
    failure = app.failure()
    assert failure is not None and failure.error_message() == f"app: {callback} was not acknowledged within 20 s"
