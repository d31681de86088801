"""What a test coroutine holds: it sends to the extension and awaits what comes back."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from ten_runtime import AsyncTenEnvTester, AudioFrame, Cmd, CmdResult, Data, TenError, VideoFrame

Message = TypeVar("Message", Cmd, Data, AudioFrame, VideoFrame)


class Arrivals(Generic[Message]):
    """Messages of one kind, in order of arrival."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._messages: list[Message] = []
        self._arrived = asyncio.Condition()

    async def put(self, message: Message) -> None:
        async with self._arrived:
            self._messages.append(message)
            self._arrived.notify_all()

    async def expect(self, name: str | None, timeout_s: float | None, *, put_back: bool) -> Message:
        """The next message of that name. What is passed over is dropped, or kept in its order with ``put_back``."""
        passed_over: list[Message] = []
        try:
            return await asyncio.wait_for(self._next(name, passed_over), timeout_s)
        except asyncio.TimeoutError:
            wanted = self._what if name is None else f"{self._what} '{name}'"
            raise TimeoutError(f"no {wanted} arrived within {timeout_s} s") from None
        finally:
            if put_back:
                self._messages[:0] = passed_over

    async def _next(self, name: str | None, passed_over: list[Message]) -> Message:
        async with self._arrived:
            while True:
                while self._messages:
                    message = self._messages.pop(0)
                    if name is None or message.get_name() == name:
                        return message
                    passed_over.append(message)
                await self._arrived.wait()

    def collect(self) -> list[Message]:
        messages, self._messages = self._messages, []
        return messages

    def check_none(self, name: str | None) -> None:
        found = [message.get_name() for message in self._messages if name is None or message.get_name() == name]
        assert not found, f"unexpected {self._what}: {', '.join(found)}"


class TenTestContext:
    def __init__(self, ten_env: AsyncTenEnvTester) -> None:
        self.ten_env = ten_env
        self._cmds: Arrivals[Cmd] = Arrivals("cmd")
        self._data: Arrivals[Data] = Arrivals("data")
        self._audio_frames: Arrivals[AudioFrame] = Arrivals("audio frame")
        self._video_frames: Arrivals[VideoFrame] = Arrivals("video frame")

    async def send_cmd(self, cmd: Cmd) -> tuple[CmdResult | None, TenError | None]:
        return await self.ten_env.send_cmd(cmd)

    async def send_data(self, data: Data) -> TenError | None:
        return await self.ten_env.send_data(data)

    async def send_audio_frame(self, audio_frame: AudioFrame) -> TenError | None:
        return await self.ten_env.send_audio_frame(audio_frame)

    async def send_video_frame(self, video_frame: VideoFrame) -> TenError | None:
        return await self.ten_env.send_video_frame(video_frame)

    # Timeouts are in seconds; when they pass, TimeoutError is raised.

    async def expect_cmd(self, name: str | None = None, timeout: float | None = None, put_back: bool = False) -> Cmd:
        return await self._cmds.expect(name, timeout, put_back=put_back)

    async def expect_data(self, name: str | None = None, timeout: float | None = None, put_back: bool = False) -> Data:
        return await self._data.expect(name, timeout, put_back=put_back)

    async def expect_audio_frame(self, timeout: float | None = None) -> AudioFrame:
        return await self._audio_frames.expect(None, timeout, put_back=False)

    async def expect_video_frame(self, timeout: float | None = None) -> VideoFrame:
        return await self._video_frames.expect(None, timeout, put_back=False)

    def collect_all_cmds(self) -> list[Cmd]:
        return self._cmds.collect()

    def collect_all_data(self) -> list[Data]:
        return self._data.collect()

    def collect_all_datas(self) -> list[Data]:
        return self._data.collect()

    def collect_all_audio_frames(self) -> list[AudioFrame]:
        return self._audio_frames.collect()

    def collect_all_video_frames(self) -> list[VideoFrame]:
        return self._video_frames.collect()

    def assert_no_cmd(self, name: str | None = None) -> None:
        self._cmds.check_none(name)

    def assert_no_data(self, name: str | None = None) -> None:
        self._data.check_none(name)

    def assert_no_audio_frame(self) -> None:
        self._audio_frames.check_none(None)

    def assert_no_video_frame(self) -> None:
        self._video_frames.check_none(None)
