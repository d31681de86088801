from __future__ import annotations

from ._core.buffers import BufferedMsg
from ._core.content import DataContent


class Data(BufferedMsg):
    """Properties and, if wanted, a buffer."""

    __slots__ = ()
    _content: DataContent

    @classmethod
    def create(cls, name: str) -> Data:
        if not isinstance(name, str) or not name:
            raise ValueError("Failed to parse arguments.")
        data: Data = cls._wrap(DataContent(name))
        return data

    def clone(self) -> Data:
        data: Data = self._wrap(self._content.copy())
        return data

    def alloc_buf(self, size: int) -> None:
        if isinstance(size, int) and size > 0 and self._content.buf is not None:
            return  # a second allocation is ignored, as natively
        super().alloc_buf(size)
