from __future__ import annotations

from enum import IntEnum

from ._core.buffers import FrameMsg
from ._core.content import AudioContent
from .error import TenError

# Texts of properties that were read before: the frames of a stream all carry the same one, which is then not read again.
_read: dict[str, str] = {}
_MOST_READ = 1024
_LONGEST_READ = 1024


class AudioFrameDataFmt(IntEnum):
    INTERLEAVE = 1
    NON_INTERLEAVE = 2


class AudioFrame(FrameMsg):
    """A stretch of PCM. Field setters take any integer."""

    __slots__ = ()
    _content: AudioContent
    _size_error = "Invalid audio frame size."
    _lock_error = RuntimeError

    @classmethod
    def create(cls, name: str) -> AudioFrame:
        if not isinstance(name, str) or not name:
            raise ValueError("Failed to parse arguments.")
        frame = cls.__new__(cls)
        frame._content = AudioContent(name)
        return frame

    def clone(self) -> AudioFrame:
        frame: AudioFrame = self._wrap(self._content.copy())
        return frame

    def set_property_from_json(self, path: str | None, json_str: str) -> TenError | None:
        content = self._content
        if not path:
            known = _read.get(json_str) if json_str.__class__ is str else None
            if known is not None:
                content.become_text(known)
                return None
        error = super().set_property_from_json(path, json_str)
        if error is None and not path and content.json_text is json_str:  # it set nothing but properties
            _remember(json_str)
        return error

    def get_sample_rate(self) -> int:
        return self._content.sample_rate

    def set_sample_rate(self, sample_rate: int) -> None:
        self._content.sample_rate = int(sample_rate)

    def get_samples_per_channel(self) -> int:
        return self._content.samples_per_channel

    def set_samples_per_channel(self, samples_per_channel: int) -> None:
        self._content.samples_per_channel = int(samples_per_channel)

    def get_bytes_per_sample(self) -> int:
        return self._content.bytes_per_sample

    def set_bytes_per_sample(self, size: int) -> None:
        self._content.bytes_per_sample = int(size)

    def get_number_of_channels(self) -> int:
        return self._content.number_of_channels

    def set_number_of_channels(self, number: int) -> None:
        self._content.number_of_channels = int(number)

    def get_data_fmt(self) -> int:
        return self._content.data_fmt

    def set_data_fmt(self, data_fmt: int) -> None:
        self._content.data_fmt = int(data_fmt)

    def get_line_size(self) -> int:
        return self._content.line_size

    def set_line_size(self, line_size: int) -> None:
        self._content.line_size = int(line_size)


def _remember(text: str) -> None:
    if len(text) > _LONGEST_READ:
        return
    if len(_read) >= _MOST_READ:
        _read.clear()
    _read[text] = text
