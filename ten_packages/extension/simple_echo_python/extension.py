"""The smallest useful extension: whatever comes goes back. Copy it to start one of your own."""

from __future__ import annotations

from ten_runtime import AsyncExtension, AsyncTenEnv, AudioFrame, Cmd, CmdResult, Data, StatusCode, VideoFrame


class SimpleEchoExtension(AsyncExtension):
    async def on_cmd(self, async_ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_string("detail", f"{cmd.get_name()}, too")
        await async_ten_env.return_result(result)

    async def on_data(self, async_ten_env: AsyncTenEnv, data: Data) -> None:
        await async_ten_env.send_data(data)

    async def on_audio_frame(self, async_ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        await async_ten_env.send_audio_frame(audio_frame)

    async def on_video_frame(self, async_ten_env: AsyncTenEnv, video_frame: VideoFrame) -> None:
        await async_ten_env.send_video_frame(video_frame)
