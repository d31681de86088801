"""The TEN side of the conversation: messages in, wishes out, one timer. No decision is made here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from pydantic import ValidationError
from stream_talk import clock
from stream_talk.ten import messages, names
from ten_runtime import AsyncExtension, AsyncTenEnv, Cmd, Data, StatusCode, TenErrorCode

from .client import ClientEvents
from .config import MainControlConfig
from .conversation import Conversation
from .inputs import Inputs
from .outbox import Ask, Body, Chat, Outbox, Say, Tell

_LAST_TURN_S = 1.0  # how long the end of a conversation may wait for a disk


class MainControlExtension(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._env: AsyncTenEnv | None = None
        self._outbox = Outbox("")
        self._conversation: Conversation | None = None
        self._inputs: Inputs | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_ms = float("inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self._captions: deque[Say] = deque()
        self._captioning = False
        self._closed = False

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._env = ten_env
        text, _ = await ten_env.get_property_to_json("")
        try:
            config = MainControlConfig.model_validate_json(text or "{}")
        except ValidationError as error:
            # A conversation with the default settings is better than none; the log says what to correct.
            ten_env.log_error(f"main_control: wrong properties, defaults are used: {error}")
            config = MainControlConfig()
        self._outbox.session_id = config.session_id or "session"
        self._conversation = Conversation(config, self._outbox, clock.epoch_ms)
        self._inputs = Inputs(self._conversation, ClientEvents(self._conversation))
        ten_env.log_info(f"config: {config.model_dump_json(exclude={'prompt'})}", category=names.LOG_KEY_POINT)

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        await self._keep_what_was_said()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()

    async def _keep_what_was_said(self) -> None:
        """Whoever leaves in the middle of a turn has said and heard something all the same."""
        conversation, before = self._conversation, set(self._tasks)
        if conversation is None:
            return

        def end(now_ms: float, _body: Body) -> None:
            conversation.stop(now_ms)
            conversation.keeping.settle(now_ms)

        await self._handle(end, {})
        if storing := self._tasks - before:
            await asyncio.wait(storing, timeout=_LAST_TURN_S)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        name = cmd.get_name()
        handler = self._inputs.cmds.get(name) if self._inputs is not None else None
        if handler is not None:
            body = messages.read_json(cmd)
            if name == names.TOOL_REGISTER:
                body["source"] = cmd.get_source()
            await self._handle(handler, body)
        # Unknown commands are answered too: somebody may be waiting.
        await ten_env.return_result(messages.result(cmd))

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        handler = self._inputs.data.get(data.get_name()) if self._inputs is not None else None
        if handler is not None:
            await self._handle(handler, messages.read_json(data))

    async def _handle(self, handler: Callable[[float, Body], None], body: Body) -> None:
        """One decision, then what it asks for. Nothing may leave a callback: TEN would end the process."""
        try:
            handler(clock.now_ms(), body)
        except Exception as error:
            self._log_failure(f"could not handle {body.get('type') or handler}", error)
        try:
            await self._carry_out()
        except Exception as error:
            self._log_failure("could not send", error)

    # --- wishes ------------------------------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        env = self._env
        if env is None or self._closed:
            return
        for wish in self._outbox.take():
            if not isinstance(wish, Say):
                self._spawn(self._carried(wish))
            elif wish.name == names.MESSAGE:
                self._captions.append(wish)
            else:
                await env.send_data(messages.data(wish.name, wish.body))
        if self._captions and not self._captioning:
            self._captioning = True
            self._spawn(self._send_captions())
        self._arm_timer()

    async def _send_captions(self) -> None:
        """What is only shown comes after what is heard: the model and the voice are already at work when captions go out."""
        assert self._env is not None
        while self._captions:
            wish = self._captions.popleft()
            await self._env.send_data(messages.data(wish.name, wish.body))
        self._captioning = False

    def _carried(self, wish: Tell | Ask | Chat) -> Coroutine[Any, Any, None]:
        if isinstance(wish, Chat):
            return self._chat(wish)
        return self._ask(wish) if isinstance(wish, Ask) else self._tell(wish)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, wish: Tell) -> None:
        assert self._env is not None
        await self._env.send_cmd(messages.cmd(wish.name, wish.body))

    async def _ask(self, wish: Ask) -> None:
        assert self._env is not None
        cmd = messages.cmd(wish.name, wish.body)
        if wish.to is not None:
            cmd.set_dests([wish.to])
        result, error = await self._env.send_cmd(cmd)
        body, ok = self._outcome(result, error)
        await self._handle(lambda now_ms, answer: wish.answer(now_ms, ok, answer), body)

    async def _chat(self, wish: Chat) -> None:
        assert self._env is not None and self._inputs is not None
        inputs = self._inputs
        ended = False
        async for result, error in self._env.send_cmd_ex(messages.cmd(names.CHAT_COMPLETION, wish.body)):
            body, ok = self._outcome(result, error)
            ended = not ok or result is None or result.is_final()
            if not ended or body.get("type"):
                await self._handle(lambda now_ms, event: inputs.llm_event(now_ms, wish.llm_id, event), body)
            if ended:
                await self._handle(lambda now_ms, end, ok=ok: inputs.llm_end(now_ms, wish.llm_id, ok, end), body)
        if not ended:
            await self._handle(lambda now_ms, end: inputs.llm_end(now_ms, wish.llm_id, False, end), {})

    def _outcome(self, result: Any, error: Any) -> tuple[Body, bool]:
        if error is not None:
            absent = error.error_code() == TenErrorCode.ErrorCodeMsgNotConnected
            return {"detail": error.error_message(), "not_connected": absent}, False
        return messages.read_json(result), result.get_status_code() == StatusCode.OK

    # --- time --------------------------------------------------------------------------------------------------------

    def _arm_timer(self) -> None:
        assert self._conversation is not None
        due_ms = self._conversation.next_ms()
        if due_ms == self._timer_due_ms and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due_ms = None, due_ms
        if due_ms != float("inf"):
            self._timer = clock.call_later_ms(max(1.0, due_ms - clock.now_ms()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._spawn(self._tick())

    async def _tick(self) -> None:
        assert self._conversation is not None
        conversation = self._conversation
        await self._handle(lambda now_ms, _body: conversation.tick(now_ms), {})

    def _log_failure(self, what: str, error: BaseException) -> None:
        if self._env is not None:
            self._env.log_error(f"main_control: {what}: {error!r}")
