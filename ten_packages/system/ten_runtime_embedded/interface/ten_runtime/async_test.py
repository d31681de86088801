"""Testing an extension or a graph with coroutines."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ten_graph import Node

from ._core.async_host import AsyncExtensionHost
from ._core.engine import Engine
from ._core.executors import LoopExecutor
from ._core.extension_host import ExtensionHost
from ._core.loops import JOIN_LIMIT_S, LoopThread
from ._core.node_setup import NodeSetup
from ._core.tester_run import TesterRun
from .async_extension import AsyncExtension
from .async_ten_env import AsyncMessageSending
from .error import TenError
from .test_base import StopTest, TesterBase, take_callbacks

if TYPE_CHECKING:
    from .audio_frame import AudioFrame
    from .cmd import Cmd
    from .data import Data
    from .video_frame import VideoFrame


class AsyncTenEnvTester(StopTest, AsyncMessageSending):
    def __init__(self, host: Any, run: TesterRun) -> None:
        super().__init__(host)
        self._run = run


class AsyncExtensionTester(TesterBase):
    """Its callbacks run on a loop and thread of their own; on a simulated clock they share the app's loop."""

    def __init__(self) -> None:
        """Nothing is needed; subclasses call it."""

    async def on_init(self, ten_env: AsyncTenEnvTester) -> None: ...

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None: ...

    async def on_stop(self, ten_env: AsyncTenEnvTester) -> None: ...

    async def on_deinit(self, ten_env: AsyncTenEnvTester) -> None: ...

    async def on_cmd(self, ten_env: AsyncTenEnvTester, cmd: Cmd) -> None: ...

    async def on_data(self, ten_env: AsyncTenEnvTester, data: Data) -> None: ...

    async def on_audio_frame(self, ten_env: AsyncTenEnvTester, audio_frame: AudioFrame) -> None: ...

    async def on_video_frame(self, ten_env: AsyncTenEnvTester, video_frame: VideoFrame) -> None: ...

    def run(self) -> TenError | None:
        """Blocks until the test is over; ``None`` is success."""
        run = self._new_run()
        thread = run.thread if run.is_virtual else LoopThread("AsyncExtensionTester")
        finished = threading.Event()
        run.start(_AsyncSeat(self, run, thread), finished.set)
        finished.wait()
        if not run.is_virtual:
            thread.stop(JOIN_LIMIT_S)
        return run.result()


class _Part(AsyncExtension):
    """The test extension: passes everything on to the tester."""

    def __init__(self, name: str, tester: AsyncExtensionTester) -> None:
        super().__init__(name)
        take_callbacks(self, tester)


class _AsyncSeat:
    def __init__(self, tester: AsyncExtensionTester, run: TesterRun, thread: LoopThread) -> None:
        self._tester = tester
        self._run = run
        self._thread = thread

    def make_host(self, engine: Engine, node: Node) -> ExtensionHost:
        setup = NodeSetup(node.name, node.addon, node.extension_group, node.property, None)
        executor = engine.app.executor if self._run.is_virtual else LoopExecutor(self._thread)
        host = AsyncExtensionHost(engine, setup, _Part(node.name, self._tester), executor)
        host.env = AsyncTenEnvTester(host, self._run)
        return host
