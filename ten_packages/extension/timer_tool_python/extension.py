"""A real tool by TEN's conventions: registers itself, sets timers, and speaks up when one is due."""

from __future__ import annotations

import asyncio

from stream_talk import clock
from stream_talk.ten import messages, names
from ten_runtime import AsyncExtension, AsyncTenEnv, Cmd

from .timers import TOOL, Refused, Timer, timer_from


class TimerToolExtension(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._max_timers = 20
        self._max_seconds = 24 * 3600.0
        self._running: set[asyncio.Task[None]] = set()

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        max_timers, error = await ten_env.get_property_int("max_timers")
        if error is None:
            self._max_timers = max_timers
        max_seconds, error = await ten_env.get_property_float("max_seconds")
        if error is None:
            self._max_seconds = max_seconds

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        await ten_env.send_cmd(messages.cmd(names.TOOL_REGISTER, {"tool": TOOL}))

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        for task in list(self._running):
            task.cancel()

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        body = messages.read_json(cmd)
        if cmd.get_name() != names.TOOL_CALL or body.get("name") != TOOL["name"]:
            await ten_env.return_result(messages.result(cmd))
            return
        arguments = body.get("arguments")
        try:
            timer = timer_from(
                arguments if isinstance(arguments, dict) else {},
                max_seconds=self._max_seconds,
                running=len(self._running),
                max_timers=self._max_timers,
            )
        except Refused as refused:
            answer = {"tool_result": {"type": "llmresult", "content": f"not set: {refused}"}}
        else:
            task = asyncio.create_task(self._wait(ten_env, timer))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            answer = {"tool_result": {"type": "llmresult", "content": timer.confirmation()}}
        await ten_env.return_result(messages.result(cmd, answer))

    async def _wait(self, ten_env: AsyncTenEnv, timer: Timer) -> None:
        await clock.sleep_ms(timer.duration_ms)
        event = {"type": "say", "text": timer.announcement()}
        await ten_env.send_data(messages.data(names.CLIENT_EVENT, event))
