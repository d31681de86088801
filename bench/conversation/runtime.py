"""The TEN app around measured conversations, on the loop of the caller.

A gateway, its sessions and all their nodes share one loop in one process. A measurement that put them on a loop of their own beside
the measurer's would measure the hand-over between two threads, which no real set-up has.
"""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

from stream_talk import heap
from ten_runtime import App, CmdResult, Loc, StartGraphCmd, StatusCode, StopGraphCmd, TenEnv, TenError
from ten_runtime._core import loops
from ten_runtime._core.pump import Pump

from bench.conversation.client import BenchClient, Session

APP_HOME = Path(__file__).resolve().parents[2]
_LOG = {
    "handlers": [{"matchers": [{"level": "error"}], "formatter": {"type": "plain"}, "emitter": {"type": "console"}}]
}


class _CallersLoop(loops.LoopThread):
    """The running loop in the place of the runtime's shared one."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.pump = Pump(self.loop)
        self._ident = threading.get_ident()

    @property
    def thread_id(self) -> int:
        return self._ident

    def stop(self) -> None:
        """It is the caller's."""


class _BenchApp(App):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self.ready: asyncio.Future[TenEnv] = loop.create_future()

    def on_configure(self, ten_env: TenEnv) -> None:
        ten_env.init_property_from_json(json.dumps({"ten": {"log": _LOG, "long_running_mode": True}}))
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        ten_env.on_init_done()
        self._loop.call_soon_threadsafe(self.ready.set_result, ten_env)


class BenchRuntime:
    """Starts and stops conversations. One per process."""

    def __init__(self) -> None:
        self._app: _BenchApp | None = None
        self._env: TenEnv | None = None

    async def start(self) -> None:
        loops.shared_loop._thread = _CallersLoop()
        loops.shared_loop._users = 1
        self._app = _BenchApp(asyncio.get_running_loop())
        self._app.run(True)
        self._env = await self._app.ready
        heap.settle()

    async def close(self) -> None:
        if self._app is not None:
            self._app.close()
            await asyncio.to_thread(self._app.wait)

    async def converse(self, graph: dict[str, Any], session: Session) -> str:
        """Start a session graph whose client node is named after the session; returns the graph's id."""
        BenchClient.waiting[session.session_id] = session
        cmd = StartGraphCmd.create()
        cmd.set_dests([Loc("")])
        if not cmd.set_graph_from_json(json.dumps(graph)):
            raise ValueError("the graph of the measurement is not valid")
        result = await self._send(cmd)
        if result.get_status_code() != StatusCode.OK:
            raise RuntimeError(f"the graph did not start: {result.get_property_to_json('')[0]}")
        await session.ready.wait()
        return result.get_property_string("graph_id")[0]

    async def end(self, graph_id: str) -> None:
        cmd = StopGraphCmd.create()
        cmd.set_dests([Loc("")])
        cmd.set_graph_id(graph_id)
        await self._send(cmd)

    async def _send(self, cmd: Any) -> CmdResult:
        assert self._env is not None
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[CmdResult] = loop.create_future()

        def on_result(_env: TenEnv, result: CmdResult | None, error: TenError | None) -> None:
            loop.call_soon_threadsafe(settle, result, error)

        def settle(result: CmdResult | None, error: TenError | None) -> None:
            if result is None:
                answered.set_exception(RuntimeError(error.error_message() if error else "no result"))
            else:
                answered.set_result(result)

        self._env.send_cmd(cmd, on_result)
        return await answered
