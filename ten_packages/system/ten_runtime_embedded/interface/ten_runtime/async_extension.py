"""Extensions whose callbacks are coroutines. Each message has a task of its own; tasks start in arrival order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .extension import BaseExtension

if TYPE_CHECKING:
    from .async_ten_env import AsyncTenEnv
    from .audio_frame import AudioFrame
    from .cmd import Cmd
    from .data import Data
    from .video_frame import VideoFrame


class ThreadMode:
    """Values of the environment variable ``TEN_PYTHON_THREAD_MODE``."""

    SINGLE_THREAD = "single_thread"
    MULTI_THREAD = "multi_thread"


class AsyncExtension(BaseExtension):
    """``name`` is the node's name. A stage is over when its coroutine returns."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def on_configure(self, async_ten_env: AsyncTenEnv) -> None: ...

    async def on_init(self, async_ten_env: AsyncTenEnv) -> None: ...

    async def on_start(self, async_ten_env: AsyncTenEnv) -> None: ...

    async def on_stop(self, async_ten_env: AsyncTenEnv) -> None: ...

    async def on_deinit(self, async_ten_env: AsyncTenEnv) -> None: ...

    async def on_cmd(self, async_ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        """By default a command is never answered: the sender waits until its path times out."""

    async def on_data(self, async_ten_env: AsyncTenEnv, data: Data) -> None: ...

    async def on_audio_frame(self, async_ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None: ...

    async def on_video_frame(self, async_ten_env: AsyncTenEnv, video_frame: VideoFrame) -> None: ...
