"""A script of commands to the memory node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from stream_talk.memory.database import open_database
from ten_runtime import AsyncExtensionTester, AsyncTenEnvTester, Cmd, StatusCode, TenError, TenErrorCode

Ask = Callable[..., Awaitable[tuple[StatusCode, dict[str, Any]]]]


class Conversation(AsyncExtensionTester):
    def __init__(self, script: Callable[[Ask], Awaitable[None]]) -> None:
        super().__init__()
        self._script = script

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        async def ask(name: str, **tree: Any) -> tuple[StatusCode, dict[str, Any]]:
            cmd = Cmd.create(name)
            cmd.set_property_from_json(None, json.dumps(tree))
            result, error = await ten_env.send_cmd(cmd)
            assert result is not None, error
            return result.get_status_code(), json.loads(result.get_property_to_json(None)[0])

        try:
            await self._script(ask)
        except AssertionError as failure:
            ten_env.stop_test(TenError.create(TenErrorCode.ErrorCodeGeneric, repr(failure)))
        else:
            ten_env.stop_test()


def run(script: Callable[[Ask], Awaitable[None]], path: Path, **properties: Any) -> None:
    tester = Conversation(script)
    tester.set_test_mode_single("memory_python", json.dumps({"path": str(path), **properties}))
    error = tester.run()
    assert error is None, error.error_message()


def said(user: str, assistant: str, heard: str | None = None) -> list[dict[str, Any]]:
    return [
        {"role": "user", "text": user, "ts_ms": 1},
        {"role": "assistant", "text": assistant, "heard_text": heard, "interrupted": heard is not None, "ts_ms": 2},
    ]


async def until_embedded(path: Path, count: int) -> None:
    connection = open_database(path)
    try:
        for _ in range(3_000):
            if connection.execute("SELECT count(*) FROM item_signs").fetchone()[0] == count:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{count} facts were never embedded")
    finally:
        connection.close()
