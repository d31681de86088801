"""An async extension: its callbacks are coroutines on a loop. Messages reach them through the loop's pump."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from ..audio_frame import AudioFrame
from ..cmd import Cmd
from ..data import Data
from ..video_frame import VideoFrame
from .content import AUDIO_FRAME, CMD, DATA, KIND_NAMES, RESULT, VIDEO_FRAME
from .executors import LoopExecutor
from .extension_host import CALLBACK_OF, ExtensionHost, Stage
from .pump import let_others_run

if TYPE_CHECKING:
    from ..async_extension import AsyncExtension
    from .engine import Engine
    from .node_setup import NodeSetup

CANCEL_GRACE_S: Final = 0.5
_RELEASE_ROUNDS: Final = 3  # loop rounds in which handlers may end by themselves before they are cancelled

_new = object.__new__
_endings: set[asyncio.Task[None]] = set()  # asyncio itself holds tasks only weakly


class AsyncExtensionHost(ExtensionHost):
    extension: AsyncExtension
    executor: LoopExecutor

    def __init__(self, engine: Engine, node: NodeSetup, extension: AsyncExtension, executor: LoopExecutor) -> None:
        super().__init__(engine, node, extension, executor)
        self.loop = executor.loop
        self._tasks: set[asyncio.Task[None]] = set()

    # Stages -----------------------------------------------------------------------------------------------------

    def call_stage(self, stage: Stage) -> None:
        self._keep(self.loop.create_task(self._run_stage(stage)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_stage(self, stage: Stage) -> None:
        callback = getattr(self.extension, CALLBACK_OF[stage])
        try:
            await callback(self.env)
        except BaseException as error:
            if not self._is_own_end(error):
                self.engine.callback_failed(self, CALLBACK_OF[stage], error)
            if self.stage is Stage.CLOSED:
                return
        self.acknowledge(stage)

    @staticmethod
    def _is_own_end(error: BaseException) -> bool:
        """A cancelled callback has been ended on purpose: by the extension itself or by the shutdown."""
        return isinstance(error, asyncio.CancelledError | GeneratorExit)

    def task_count(self) -> int:
        return len(self._tasks)

    # Messages ---------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        self.executor.pump.wake(self)

    def _accept_result(self, result: Any) -> None:
        if not self.busy and not self.closed:
            self.take_result(result)  # nothing is in front of it
        else:
            super()._accept_result(result)

    def next_message(self) -> Any:
        """What a handler has to see next; results and marks before it are dealt with here. None: nothing is left."""
        inbox = self.inbox
        while inbox:
            content = inbox.popleft()
            kind = content.kind
            if kind == RESULT:
                self.take_result(content)
            elif kind > VIDEO_FRAME:
                self.pass_mark()
            elif self.api is None or not self.incoming_error(content):
                return content
        return None

    def handler(self, content: Any) -> Coroutine[Any, Any, None]:
        kind = content.kind
        if kind == AUDIO_FRAME:  # nearly all messages of a conversation
            frame = _new(AudioFrame)
            frame._content = content
            return self.extension.on_audio_frame(self.env, frame)
        if kind == DATA:
            data = _new(Data)
            data._content = content
            return self.extension.on_data(self.env, data)
        if kind == CMD:
            cmd = _new(Cmd)
            cmd._content = content
            return self.extension.on_cmd(self.env, cmd)
        picture = _new(VideoFrame)
        picture._content = content
        return self.extension.on_video_frame(self.env, picture)

    async def be_task_of(self, kind: int, rest: Awaitable[None]) -> None:
        """The current task is that of one message from now on; `rest` is what its handler has still to do."""
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        try:
            await rest
        except BaseException as error:
            self.handler_failed(kind, error)

    def handler_failed(self, kind: int, error: BaseException) -> None:
        if not self._is_own_end(error):
            self.engine.callback_failed(self, f"on_{KIND_NAMES[kind]}", error)

    # The end ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        own = asyncio.current_task(self.loop) if asyncio._get_running_loop() is self.loop else None
        if any(task is not own and not task.done() for task in self._tasks):
            if own is not None:
                self._tasks.discard(own)
            ending = self.loop.create_task(self._end_tasks())
            _endings.add(ending)
            ending.add_done_callback(_endings.discard)
        else:
            self.engine.host_closed(self)

    async def _end_tasks(self) -> None:
        """Awaits that just got their error result may end by themselves; the rest is cancelled."""
        for _ in range(_RELEASE_ROUNDS):
            await let_others_run()
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_GRACE_S)
        self.engine.host_closed(self)
