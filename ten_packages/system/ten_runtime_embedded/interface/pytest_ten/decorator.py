"""``@ten_test``: from a coroutine to a pytest function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from ten_runtime import Cmd, CmdResult, Data

from pytest_ten.context import TenTestContext
from pytest_ten.tester import ContextTester

TestCoroutine = Callable[..., Awaitable[None]]


def ten_test(
    addon_name: str,
    property_json_str: str | None = None,
    timeout: float = 5.0,
    *,
    mock_cmd_response: Mapping[str, Callable[[Cmd], CmdResult]] | None = None,
    mock_cmd_stream_response: Mapping[str, Callable[[Cmd], AsyncIterator[CmdResult]]] | None = None,
    mock_data_response: Mapping[str, Callable[[Data], Data]] | None = None,
) -> Callable[[TestCoroutine], Callable[..., None]]:
    """Tests one addon: the coroutine gets a ``TenTestContext`` and pytest's fixtures. ``timeout`` is in seconds."""

    def decorator(test: TestCoroutine) -> Callable[..., None]:
        @functools.wraps(test)
        def wrapper(*args: Any, **fixtures: Any) -> None:
            async def body(context: TenTestContext) -> None:
                await test(*args, context, **fixtures)

            tester = ContextTester(
                body, mock_cmd_response or {}, mock_cmd_stream_response or {}, mock_data_response or {}
            )
            tester.set_test_mode_single(addon_name, property_json_str)
            tester.set_timeout(int(timeout * 1_000_000))
            error = tester.run()
            if tester.outcome is not None:
                raise tester.outcome
            assert error is None, f"Test failed: {error.error_message()}"

        # pytest asks for fixtures by parameter name; the context is ours to give.
        parameters = list(inspect.signature(test).parameters.values())
        context = 1 if parameters and parameters[0].name == "self" else 0
        del parameters[context : context + 1]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        del wrapper.__wrapped__
        return wrapper

    return decorator
