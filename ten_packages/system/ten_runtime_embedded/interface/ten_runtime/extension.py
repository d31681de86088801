"""Extensions whose callbacks are plain functions, called one after the other on the thread of their group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .audio_frame import AudioFrame
    from .cmd import Cmd
    from .data import Data
    from .ten_env import TenEnv
    from .video_frame import VideoFrame


class BaseExtension:
    """What the runtime makes from a graph node."""


class Extension(BaseExtension):
    """``name`` is the node's name. Every life-cycle callback must be acknowledged, at any time and from any thread."""

    def __init__(self, name: str) -> None:
        self.name = name

    def on_configure(self, ten_env: TenEnv) -> None:
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        ten_env.on_init_done()

    def on_start(self, ten_env: TenEnv) -> None:
        ten_env.on_start_done()

    def on_stop(self, ten_env: TenEnv) -> None:
        ten_env.on_stop_done()

    def on_deinit(self, ten_env: TenEnv) -> None:
        ten_env.on_deinit_done()

    def on_cmd(self, ten_env: TenEnv, cmd: Cmd) -> Any:
        """By default a command is never answered: the sender waits until its path times out."""

    def on_data(self, ten_env: TenEnv, data: Data) -> Any: ...

    def on_audio_frame(self, ten_env: TenEnv, audio_frame: AudioFrame) -> Any: ...

    def on_video_frame(self, ten_env: TenEnv, video_frame: VideoFrame) -> Any: ...
