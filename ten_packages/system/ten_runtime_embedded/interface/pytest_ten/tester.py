"""The tester behind ``@ten_test``: collects what the extension sends and answers its commands."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from ten_runtime import (
    AsyncExtensionTester,
    AsyncTenEnvTester,
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    StatusCode,
    TenError,
    TenErrorCode,
    VideoFrame,
)

from pytest_ten.context import TenTestContext


class ContextTester(AsyncExtensionTester):
    def __init__(
        self,
        body: Callable[[TenTestContext], Awaitable[None]],
        cmd_mocks: Mapping[str, Callable[[Cmd], CmdResult]],
        stream_mocks: Mapping[str, Callable[[Cmd], AsyncIterator[CmdResult]]],
        data_mocks: Mapping[str, Callable[[Data], Data]],
    ) -> None:
        super().__init__()
        self._body = body
        self._cmd_mocks = cmd_mocks
        self._stream_mocks = stream_mocks
        self._data_mocks = data_mocks
        self._context: TenTestContext | None = None
        self._task: asyncio.Task[None] | None = None
        self.outcome: BaseException | None = None  # what the body raised that is not an error

    def _context_of(self, ten_env: AsyncTenEnvTester) -> TenTestContext:
        if self._context is None:
            self._context = TenTestContext(ten_env)
        return self._context

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        # A task, so that the test may outlast on_start.
        self._task = asyncio.create_task(self._run_body(ten_env))

    async def _run_body(self, ten_env: AsyncTenEnvTester) -> None:
        try:
            await self._body(self._context_of(ten_env))
        except (TimeoutError, asyncio.TimeoutError) as error:
            ten_env.stop_test(TenError.create(TenErrorCode.ErrorCodeTimeout, str(error)))
        except Exception as error:
            text = f"{error}\n{traceback.format_exc()}"
            ten_env.stop_test(TenError.create(TenErrorCode.ErrorCodeGeneric, text))
        except asyncio.CancelledError:
            raise
        except BaseException as outcome:  # pytest.skip, pytest.fail, SystemExit: for pytest, not for the loop
            self.outcome = outcome
            ten_env.stop_test()
        else:
            ten_env.stop_test()

    async def on_cmd(self, ten_env: AsyncTenEnvTester, cmd: Cmd) -> None:
        name = cmd.get_name()
        await self._context_of(ten_env)._cmds.put(cmd.clone())
        if name in self._stream_mocks:
            async for result in self._stream_mocks[name](cmd):
                await ten_env.return_result(result)
        elif name in self._cmd_mocks:
            await ten_env.return_result(self._cmd_mocks[name](cmd))
        else:
            await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    async def on_data(self, ten_env: AsyncTenEnvTester, data: Data) -> None:
        await self._context_of(ten_env)._data.put(data.clone())
        if data.get_name() in self._data_mocks:
            await ten_env.send_data(self._data_mocks[data.get_name()](data))

    async def on_audio_frame(self, ten_env: AsyncTenEnvTester, audio_frame: AudioFrame) -> None:
        await self._context_of(ten_env)._audio_frames.put(audio_frame)

    async def on_video_frame(self, ten_env: AsyncTenEnvTester, video_frame: VideoFrame) -> None:
        await self._context_of(ten_env)._video_frames.put(video_frame)
