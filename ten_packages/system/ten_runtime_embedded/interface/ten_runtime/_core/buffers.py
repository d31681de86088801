"""The buffer of data and frames: allocate, lock (zero-copy, writable), unlock, copy out.

The three message kinds report misuse with different exceptions; extensions in the wild catch what the native
runtime raises, so each kind names its own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..msg import Msg


class BufferedMsg(Msg):
    __slots__ = ()
    _size_error: ClassVar[str] = "Invalid buffer size."
    _lock_error: ClassVar[type[Exception]] = SystemError

    def alloc_buf(self, size: int) -> None:
        content = self._content
        if not isinstance(size, int) or size <= 0:
            raise ValueError(self._size_error)
        if content.locked is not None:
            raise self._lock_error("The buffer is locked.")
        content.buf = bytearray(size)

    def lock_buf(self) -> memoryview:
        content = self._content
        if content.buf is None:
            raise self._lock_error("Failed to lock buffer: there is none.")
        if content.locked is not None:
            raise self._lock_error("Failed to lock buffer: it is locked already.")
        view = memoryview(content.buf)
        content.locked = view
        return view

    def unlock_buf(self, buf: memoryview) -> None:
        content = self._content
        if content.locked is None or buf is not content.locked:
            raise self._lock_error("Failed to unlock buffer: it was not locked by this message.")
        content.locked = None

    def get_buf(self) -> bytearray:
        buf: Any = self._content.buf
        return bytearray() if buf is None else bytearray(buf)


class FrameMsg(BufferedMsg):
    """What audio and video frames share beyond their buffer."""

    __slots__ = ()

    def get_buf(self) -> bytearray:
        buf: Any = self._content.buf
        if buf is None:
            raise SystemError("Failed to get buffer.")
        return bytearray(buf)

    def get_timestamp(self) -> int:
        timestamp: int = self._content.timestamp
        return timestamp

    def set_timestamp(self, timestamp: int) -> None:
        self._content.timestamp = int(timestamp)

    def is_eof(self) -> bool:
        eof: bool = self._content.eof
        return eof

    def set_eof(self, is_eof: bool) -> None:
        self._content.eof = bool(is_eof)
