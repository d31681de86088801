"""The environment of async extensions. Usable from every task of the extension, and from foreign threads' loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from threading import get_ident
from typing import Any

from ._core import env_properties as props
from ._core import property_access as access
from ._core.content import INVALIDATED, CmdContent, ResultContent
from ._core.log import runtime_log
from ._core.property_tree import MISSING
from .audio_frame import AudioFrame
from .cmd import Cmd
from .cmd_result import CmdResult
from .data import Data
from .error import TenError
from .msg import Msg
from .send_options import SendOptions
from .ten_env_base import TenEnvBase, closed_error
from .video_frame import VideoFrame

Outcome = tuple[CmdResult | None, TenError | None]


class _FutureReply:
    """Completes one ``await send_cmd``. Streamed results that are not the last one are not what it waits for."""

    __slots__ = ("_future",)

    def __init__(self, future: asyncio.Future[Outcome]) -> None:
        self._future = future

    def __call__(self, result: ResultContent | None, error: TenError | None) -> None:
        future = self._future
        if future.done():
            return
        if result is None:
            future.set_result((None, error))
        elif result.completed:
            future.set_result((CmdResult._wrap(result), error))
        else:
            runtime_log.warn(f"a streamed result of '{result.cmd_name}' is skipped; send_cmd_ex would deliver it")


class AsyncMessageSending(TenEnvBase):
    """Sending from coroutines. A fire-and-forget send does its work at once and does not yield to the loop."""

    async def send_cmd(self, cmd: Cmd) -> Outcome:
        host = self._host
        if get_ident() != self._thread_id:
            if host.closed:
                return None, closed_error("send_cmd")
            outcome: Outcome = await self._on_owner_loop(self.send_cmd(cmd))
            return outcome
        content: CmdContent = cmd._content
        if content.locked is None:
            cmd._content = INVALIDATED
        future: asyncio.Future[Outcome] = host.loop.create_future()
        error = host.send_cmd(content, _FutureReply(future), each=False)
        if error is not None:
            return None, error
        return await future

    async def send_cmd_ex(self, cmd: Cmd) -> AsyncGenerator[Outcome, None]:
        """Every result of every destination; ends with the first error or the completing result."""
        host = self._host
        if host.closed:
            yield None, closed_error("send_cmd_ex")
            return
        content: CmdContent = cmd._content
        if content.locked is None:
            cmd._content = INVALIDATED
        outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        own_loop = asyncio.get_running_loop()

        def reply(result: ResultContent | None, error: TenError | None) -> None:
            outcome = (None if result is None else CmdResult._wrap(result), error)
            if own_loop is host.loop:
                outcomes.put_nowait(outcome)
            else:
                own_loop.call_soon_threadsafe(outcomes.put_nowait, outcome)

        def send() -> None:
            error = host.send_cmd(content, reply, each=True)
            if error is not None:
                reply(None, error)

        self._on_owner_thread(send)
        while True:
            result, error = await outcomes.get()
            yield result, error
            if error is not None or result is None or result._content.completed:
                return

    async def send_data(self, data: Data, options: SendOptions | None = None) -> TenError | None:
        if get_ident() != self._thread_id:
            return await self._send_elsewhere("send_data", data, self._host.send, options)
        error: TenError | None = self._host.send(data._content)
        if error is None:
            data._content = INVALIDATED
            return None
        return self._not_sent(data, error, options)

    async def send_audio_frame(self, audio_frame: AudioFrame, options: SendOptions | None = None) -> TenError | None:
        if get_ident() != self._thread_id:
            return await self._send_elsewhere("send_audio_frame", audio_frame, self._host.send, options)
        error: TenError | None = self._host.send(audio_frame._content)
        if error is None:
            audio_frame._content = INVALIDATED
            return None
        return self._not_sent(audio_frame, error, options)

    async def send_video_frame(self, video_frame: VideoFrame, options: SendOptions | None = None) -> TenError | None:
        if get_ident() != self._thread_id:
            return await self._send_elsewhere("send_video_frame", video_frame, self._host.send, options)
        error: TenError | None = self._host.send(video_frame._content)
        if error is None:
            video_frame._content = INVALIDATED
            return None
        return self._not_sent(video_frame, error, options)

    async def return_result(self, cmd_result: CmdResult, options: SendOptions | None = None) -> TenError | None:
        if get_ident() != self._thread_id:
            return await self._send_elsewhere("return_result", cmd_result, self._host.return_result, options)
        error: TenError | None = self._host.return_result(cmd_result._content)
        if error is None:
            cmd_result._content = INVALIDATED
            return None
        return self._not_sent(cmd_result, error, options)

    def _not_sent(self, message: Msg, error: TenError, options: SendOptions | None) -> TenError | None:
        if message._content.locked is not None:
            return error  # the caller keeps the message
        message._content = INVALIDATED
        if options is not None and options.wait_for_result:
            return error
        runtime_log.debug(f"[{self._host.name}] {error.error_message()}")
        return None

    async def _send_elsewhere(
        self, function: str, message: Msg, send: Callable[[Any], TenError | None], options: SendOptions | None
    ) -> TenError | None:
        """The rare cases: the environment is closed, or this is not the extension's thread."""
        host = self._host
        if host.closed:
            return closed_error(function)
        content = message._content
        if content.locked is not None:
            error: TenError | None = host.check_outgoing(content)
            return error
        message._content = INVALIDATED
        if options is None or not options.wait_for_result:
            host.executor.post(send, content)
            return None

        async def send_there() -> TenError | None:
            return send(content)

        outcome: TenError | None = await self._on_owner_loop(send_there())
        return outcome

    async def _on_owner_loop(self, coro: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, self._host.loop))

    def _on_owner_thread(self, function: Callable[[], None]) -> None:
        executor = self._host.executor
        if get_ident() == executor.thread_id:
            function()
        else:
            executor.post(function)


class AsyncTenEnv(AsyncMessageSending):
    async def get_property_to_json(self, path: str | None = None) -> tuple[str, TenError | None]:
        if self._host.closed:
            return "", closed_error("get_property_to_json")
        return props.property_json(self._host, path)

    async def set_property_from_json(self, path: str, json_str: str) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_from_json")
        return props.put_property_json(self._host, path, access.check_string(json_str))

    async def get_property_int(self, path: str) -> tuple[int, TenError | None]:
        if self._host.closed:
            return 0, closed_error("get_property_int")
        return access.as_int(props.find_property(self._host, path), path)

    async def set_property_int(self, path: str, value: int) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_int")
        return props.put_property(self._host, path, access.check_int(value))

    async def get_property_string(self, path: str) -> tuple[str, TenError | None]:
        if self._host.closed:
            return "", closed_error("get_property_string")
        return access.as_string(props.find_property(self._host, path), path)

    async def set_property_string(self, path: str, value: str) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_string")
        return props.put_property(self._host, path, access.check_string(value))

    async def get_property_bool(self, path: str) -> tuple[bool, TenError | None]:
        if self._host.closed:
            return False, closed_error("get_property_bool")
        return access.as_bool(props.find_property(self._host, path), path)

    async def set_property_bool(self, path: str, value: bool) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_bool")
        return props.put_property(self._host, path, access.check_bool(value))

    async def get_property_float(self, path: str) -> tuple[float, TenError | None]:
        if self._host.closed:
            return 0.0, closed_error("get_property_float")
        return access.as_float(props.find_property(self._host, path), path)

    async def set_property_float(self, path: str, value: float) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_float")
        return props.put_property(self._host, path, access.check_float(value))

    async def is_property_exist(self, path: str) -> tuple[bool, TenError | None]:
        """Unlike the sync variant, a missing property is no error here."""
        if self._host.closed:
            return False, closed_error("is_property_exist")
        return props.find_property(self._host, path) is not MISSING, None

    async def init_property_from_json(self, json_str: str) -> TenError | None:
        if self._host.closed:
            return closed_error("init_property_from_json")
        return props.init_property(self._host, access.check_string(json_str))
