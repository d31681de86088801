"""An async extension: its callbacks as tasks, its inbox as a pump.

"A new task per message" without paying for a task per message: the pump is a task that starts each handler itself. A
handler that finishes at once has cost no task. One that suspends keeps the task it was started in: the pump becomes
that message's task, and a new pump takes over the rest of the inbox. Order, ``current_task``, timeouts and
cancellation are those of one task per message.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from ..audio_frame import AudioFrame
from ..cmd import Cmd
from ..data import Data
from ..video_frame import VideoFrame
from .content import AUDIO_FRAME, CMD, DATA, KIND_NAMES, RESULT, VIDEO_FRAME
from .executors import LoopExecutor
from .extension_host import CALLBACK_OF, ExtensionHost, Stage

if TYPE_CHECKING:
    from ..async_extension import AsyncExtension
    from .engine import Engine
    from .node_setup import NodeSetup

BATCH: Final = 32  # messages started before other tasks of the loop get their turn
CANCEL_GRACE_S: Final = 0.5
_RELEASE_ROUNDS: Final = 3  # loop rounds in which handlers may end by themselves before they are cancelled

_new = object.__new__
_endings: set[asyncio.Task[None]] = set()  # asyncio itself holds tasks only weakly


@types.coroutine
def _let_others_run() -> Generator[None, None, None]:
    yield


@types.coroutine
def _carry_on(coro: Coroutine[Any, Any, Any], run: Any, waits_for: Any) -> Generator[Any, Any, None]:
    """Drive a coroutine that has been started already, as if the current task had started it."""
    step: Any
    while True:
        try:
            value = yield waits_for
        except GeneratorExit:
            coro.close()
            raise
        except BaseException as error:
            step, argument = coro.throw, error
        else:
            step, argument = coro.send, value
        try:
            waits_for = run(step, argument)
        except StopIteration:
            return


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
        self._keep(self.loop.create_task(self._pump()))

    def _accept_result(self, result: Any) -> None:
        if not self.busy and not self.closed:
            self.take_result(result)  # nothing is in front of it
        else:
            super()._accept_result(result)

    async def _pump(self) -> None:
        inbox = self.inbox
        extension = self.extension
        budget = BATCH
        while inbox:
            content = inbox.popleft()
            kind = content.kind
            if kind == RESULT or kind > VIDEO_FRAME or (self.api is not None and self.incoming_error(content)):
                self._take_inner(content)
                continue
            run = copy_context().run
            try:
                if kind == AUDIO_FRAME:  # nearly all messages of a conversation
                    frame = _new(AudioFrame)
                    frame._content = content
                    coro = extension.on_audio_frame(self.env, frame)
                else:
                    coro = self._handler(kind, content)
                waits_for = run(coro.send, None)
            except StopIteration:
                pass
            except BaseException as error:
                self._handler_failed(kind, error)
            else:
                if inbox:
                    self.wake()
                else:
                    self.busy = False
                await self._be_task_of(kind, coro, run, waits_for)
                return
            budget -= 1
            if not budget:
                budget = BATCH
                await _let_others_run()
        self.busy = False

    def _take_inner(self, content: Any) -> None:
        """What no handler sees."""
        if content.kind == RESULT:
            self.take_result(content)
        elif content.kind > VIDEO_FRAME:
            self.pass_mark()

    def _handler(self, kind: int, content: Any) -> Coroutine[Any, Any, None]:
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

    async def _be_task_of(self, kind: int, coro: Coroutine[Any, Any, None], run: Any, waits_for: Any) -> None:
        try:
            await _carry_on(coro, run, waits_for)
        except BaseException as error:
            self._handler_failed(kind, error)

    def _handler_failed(self, kind: int, error: BaseException) -> None:
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
            await _let_others_run()
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_GRACE_S)
        self.engine.host_closed(self)
