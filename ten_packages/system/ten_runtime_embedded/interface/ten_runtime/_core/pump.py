"""Works off the inboxes of all async extensions of one loop.

"A new task per message" without paying for a task per message: the pump is a task that starts each handler itself. A
handler that finishes at once has cost no task. One that suspends keeps the task it was started in: the pump becomes
that message's task, and a new pump takes over the rest. Order, ``current_task``, timeouts and cancellation are those of
one task per message.

One pump serves all extensions of its loop, so a frame that runs through five of them takes one round of the loop and not
five: what a handler sends is worked off as soon as it returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections import deque
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from .log import runtime_log

if TYPE_CHECKING:
    from .async_host import AsyncExtensionHost

BATCH: Final = 32  # messages of one extension before the next gets its turn


@types.coroutine
def let_others_run() -> Generator[None, None, None]:
    yield


async def _outlive_cancel() -> None:
    """A handler that has ended had its task cancelled: that was this one, which others need now."""
    with contextlib.suppress(asyncio.CancelledError):
        await let_others_run()


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


class Pump:
    """One per loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: deque[AsyncExtensionHost] = deque()  # those whose inbox holds something, each once
        self._task: asyncio.Task[None] | None = None  # asyncio itself holds tasks only weakly

    def wake(self, host: AsyncExtensionHost) -> None:
        """There is something in this inbox. Called on the loop's thread, by a host that was not busy."""
        self._due.append(host)
        if self._task is None:
            self._start()

    def _start(self) -> None:
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._check_end)

    def _check_end(self, task: asyncio.Task[None]) -> None:
        """A pump that ended without having said so: somebody cancelled all tasks there are before its first step, or a fault
        of the runtime. All extensions of the loop depend on there being one."""
        if task is not self._task:
            return
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            runtime_log.error(f"a message was lost: {task.exception()!r}")
        if self._due:
            self._start()

    async def _run(self) -> None:
        """In rounds: each extension has one turn, then the other tasks of the loop have theirs. So what is sent in one round
        of the loop can be passed on to the end of the chain in one round too, and no two extensions can keep the loop."""
        due = self._due
        task: Any = asyncio.current_task()
        had_turn: set[AsyncExtensionHost] = set()
        budget = 0
        while due:
            if task._must_cancel:
                await _outlive_cancel()
            host = due[0]
            if not budget:
                if host in had_turn:
                    had_turn.clear()
                    await _outlive_cancel()
                    continue
                had_turn.add(host)
                budget = BATCH
            content = host.next_message() if host.inbox else None
            if content is None:
                due.popleft()
                host.busy = False
                budget = 0
                continue
            kind = content.kind
            run = copy_context().run
            try:
                coro = host.handler(content)
                waits_for = run(coro.send, None)
            except StopIteration:
                pass
            except BaseException as error:
                host.handler_failed(kind, error)
            else:
                self._hand_over(host)
                await host.be_task_of(kind, _carry_on(coro, run, waits_for))
                return
            budget -= 1
            if not budget:
                due.rotate(-1)  # one that is flooded does not keep the others waiting
        self._task = None

    def _hand_over(self, host: AsyncExtensionHost) -> None:
        """The current task is that of one message from now on; another one goes on with the rest."""
        if not host.inbox:
            self._due.popleft()
            host.busy = False
        self._task = None
        if self._due:
            self._start()
