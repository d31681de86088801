from __future__ import annotations

from enum import IntEnum

from ._core.buffers import FrameMsg
from ._core.content import VideoContent


class PixelFmt(IntEnum):
    RGB24 = 1
    RGBA = 2
    BGR24 = 3
    BGRA = 4
    I422 = 5
    I420 = 6
    NV21 = 7
    NV12 = 8


class VideoFrame(FrameMsg):
    """One picture. Field setters take any integer."""

    __slots__ = ()
    _content: VideoContent

    @classmethod
    def create(cls, name: str) -> VideoFrame:
        if not isinstance(name, str) or not name:
            raise ValueError("Failed to parse arguments.")
        frame: VideoFrame = cls._wrap(VideoContent(name))
        return frame

    def clone(self) -> VideoFrame:
        frame: VideoFrame = self._wrap(self._content.copy())
        return frame

    def get_width(self) -> int:
        return self._content.width

    def set_width(self, width: int) -> None:
        self._content.width = int(width)

    def get_height(self) -> int:
        return self._content.height

    def set_height(self, height: int) -> None:
        self._content.height = int(height)

    def get_pixel_fmt(self) -> int:
        return self._content.pixel_fmt

    def set_pixel_fmt(self, pixel_fmt: int) -> None:
        self._content.pixel_fmt = int(pixel_fmt)
