"""Testing an extension or a graph with plain callbacks, on the thread that calls ``run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ten_graph import Node

from ._core.engine import Engine
from ._core.executors import WorkerExecutor
from ._core.extension_host import ExtensionHost, Stage
from ._core.node_setup import NodeSetup
from ._core.sync_host import SyncExtensionHost
from ._core.tester_run import TesterRun
from .error import TenError
from .extension import Extension
from .ten_env import Acknowledging, MessageSending
from .test_base import StopTest, TesterBase, take_callbacks

if TYPE_CHECKING:
    from .audio_frame import AudioFrame
    from .cmd import Cmd
    from .data import Data
    from .video_frame import VideoFrame


class TenEnvTester(StopTest, MessageSending, Acknowledging):
    __test__ = False

    def __init__(self, host: Any, run: TesterRun) -> None:
        super().__init__(host)
        self._run = run


class ExtensionTester(TesterBase):
    def on_init(self, ten_env: TenEnvTester) -> None:
        ten_env.on_init_done()

    def on_start(self, ten_env: TenEnvTester) -> None:
        ten_env.on_start_done()

    def on_stop(self, ten_env: TenEnvTester) -> None:
        ten_env.on_stop_done()

    def on_deinit(self, ten_env: TenEnvTester) -> None:
        ten_env.on_deinit_done()

    def on_cmd(self, ten_env: TenEnvTester, cmd: Cmd) -> Any: ...

    def on_data(self, ten_env: TenEnvTester, data: Data) -> Any: ...

    def on_audio_frame(self, ten_env: TenEnvTester, audio_frame: AudioFrame) -> Any: ...

    def on_video_frame(self, ten_env: TenEnvTester, video_frame: VideoFrame) -> Any: ...

    def run(self) -> TenError | None:
        """Blocks until the test is over; ``None`` is success."""
        run = self._new_run()
        worker = WorkerExecutor(run.thread.loop)
        worker.adopt_thread()
        run.start(_SyncSeat(self, run, worker), worker.stop)
        worker.run()
        return run.result()


class _Part(Extension):
    """The test extension: passes everything on to the tester."""

    def __init__(self, name: str, tester: ExtensionTester) -> None:
        super().__init__(name)
        take_callbacks(self, tester)

    def on_configure(self, ten_env: Any) -> None:
        ten_env._acknowledge("on_configure_done", Stage.CONFIGURE)


class _SyncSeat:
    def __init__(self, tester: ExtensionTester, run: TesterRun, worker: WorkerExecutor) -> None:
        self._tester = tester
        self._run = run
        self._worker = worker

    def make_host(self, engine: Engine, node: Node) -> ExtensionHost:
        setup = NodeSetup(node.name, node.addon, node.extension_group, node.property, None)
        host = SyncExtensionHost(engine, setup, _Part(node.name, self._tester), self._worker)
        host.env = TenEnvTester(host, self._run)
        return host
