"""A sync extension: all callbacks, one after the other, on the thread of its extension group."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ..audio_frame import AudioFrame
from ..cmd import Cmd
from ..data import Data
from ..video_frame import VideoFrame
from .content import RESULT, VIDEO_FRAME
from .executors import WorkerExecutor
from .extension_host import CALLBACK_OF, ExtensionHost, Stage
from .log import runtime_log

if TYPE_CHECKING:
    from ..extension import Extension
    from .engine import Engine
    from .node_setup import NodeSetup

SLOW_CALLBACK_S: Final = 0.1
_HANDLERS: Final = ("on_cmd", "", "on_data", "on_audio_frame", "on_video_frame")
_TYPES: Final[tuple[Any, ...]] = (Cmd, None, Data, AudioFrame, VideoFrame)


class SyncExtensionHost(ExtensionHost):
    extension: Extension
    executor: WorkerExecutor

    def __init__(self, engine: Engine, node: NodeSetup, extension: Extension, executor: WorkerExecutor) -> None:
        super().__init__(engine, node, extension, executor)

    def call_stage(self, stage: Stage) -> None:
        self.executor.post(self._run_stage, stage)

    def _run_stage(self, stage: Stage) -> None:
        if not self._call(CALLBACK_OF[stage], ()) and self.awaiting is stage:
            self.acknowledge(stage)  # it raised and will not acknowledge by itself any more

    def wake(self) -> None:
        self.executor.post(self._work)

    def _work(self) -> None:
        """One message per job, so that extensions of one group take turns."""
        if self.inbox:
            content = self.inbox.popleft()
            if content.kind == RESULT:
                self.take_result(content)
            elif content.kind > VIDEO_FRAME:
                self.pass_mark()
            elif self.api is None or not self.incoming_error(content):
                self._call(_HANDLERS[content.kind], (_TYPES[content.kind]._wrap(content),))
        if self.inbox:
            self.executor.post(self._work)
        else:
            self.busy = False

    def _call(self, name: str, arguments: tuple[Any, ...]) -> bool:
        """False when the callback raised."""
        succeeded = True
        started = time.monotonic()
        try:
            getattr(self.extension, name)(self.env, *arguments)
        except KeyboardInterrupt:
            raise  # a tester's callbacks run on the main thread, where Ctrl-C means the whole program
        except BaseException as error:  # a SystemExit too: nothing else would notice the end of the group's thread
            succeeded = False
            self.engine.callback_failed(self, name, error)
        elapsed_s = time.monotonic() - started
        if elapsed_s > SLOW_CALLBACK_S:
            runtime_log.warn(f"{self.label()}: {name} took {elapsed_s * 1000:.0f} ms")
        return succeeded

    def finish(self) -> None:
        self.engine.host_closed(self)
