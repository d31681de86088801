"""What a message carries, apart from the object user code holds.

Sending hands the content over to the receiver, who gets a new outer object; the sender's one is left with
``INVALIDATED``, which refuses everything. So nothing mutable is ever shared and nothing is copied on the way.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, Final

from ..loc import Loc
from . import json_text
from .property_tree import copy_tree

CMD: Final = 0
RESULT: Final = 1
DATA: Final = 2
AUDIO_FRAME: Final = 3
VIDEO_FRAME: Final = 4
KIND_NAMES: Final = ("cmd", "cmd_result", "data", "audio_frame", "video_frame")
KIND_OF: Final = {name: kind for kind, name in enumerate(KIND_NAMES)}

Source = tuple[str, str, str]
NOWHERE: Final[Source] = ("", "", "")

_ids = itertools.count(1)


def new_cmd_id() -> int:
    return next(_ids)


class Content:
    """Properties are a tree, until somebody asks for it only the text that it is in: most frames stay text all their way."""

    __slots__ = ("_tree", "dests", "json_text", "locked", "name", "source")
    kind: ClassVar[int]

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = NOWHERE
        self.dests: list[Loc] | None = None
        self._tree: dict[str, Any] | None = None
        self.json_text: str | None = None  # the properties as text, while it is true
        self.locked: memoryview | None = None

    @property
    def properties(self) -> dict[str, Any]:
        tree = self._tree
        if tree is None:
            tree = self._tree = {} if self.json_text is None else json_text.parse(self.json_text)
        return tree

    @properties.setter
    def properties(self, tree: dict[str, Any]) -> None:
        self._tree = tree

    def become_text(self, text: str) -> None:
        """Take the properties from a text that is known to hold an object; it is read when somebody asks."""
        self._tree = None
        self.json_text = text

    def copy(self) -> Any:
        twin = self.__class__.__new__(self.__class__)
        twin.name = self.name
        twin.source = self.source
        twin.dests = list(self.dests) if self.dests else None
        twin._tree = None if self._tree is None else copy_tree(self._tree)
        twin.json_text = self.json_text
        twin.locked = None
        return twin

    def get_field(self, name: str) -> Any:
        """A built-in field, addressed by users as ``ten.<name>``; raises ``KeyError``."""
        if name == "name":
            return self.name
        raise KeyError(name)

    def set_field(self, name: str, value: Any) -> None:
        """Raises ``KeyError`` when there is no such field, ``ValueError`` when it does not take this value."""
        if name != "name":
            raise KeyError(name)
        if not isinstance(value, str) or not value:
            raise ValueError("ten.name must be a string")
        self.name = value


class CmdContent(Content):
    __slots__ = ("builtin", "cmd_id", "origin", "parent_id", "result_conversion")
    kind = CMD

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cmd_id = new_cmd_id()
        self.parent_id: int | None = None
        self.builtin: dict[str, Any] | None = {} if name in BUILTIN_CMDS else None
        self.origin: Any = None  # the endpoint to answer, while the command is on its way
        self.result_conversion: Any = None

    def copy(self) -> CmdContent:
        twin: CmdContent = super().copy()
        twin.cmd_id = new_cmd_id()
        twin.parent_id = self.cmd_id if self.parent_id is None else self.parent_id
        twin.origin = None
        twin.result_conversion = None
        twin.builtin = None if self.builtin is None else dict(self.builtin)
        return twin

    def get_field(self, name: str) -> Any:
        if self.builtin is not None and name in self.builtin:
            return self.builtin[name]
        return super().get_field(name)

    def set_field(self, name: str, value: Any) -> None:
        if self.builtin is not None and name != "name":
            self.builtin[name] = value
        else:
            super().set_field(name, value)


class ResultContent(Content):
    __slots__ = ("cmd_id", "cmd_name", "completed", "final", "status")
    kind = RESULT

    def __init__(self, status: int, cmd_id: int, cmd_name: str) -> None:
        super().__init__("ten:result")
        self.status = status
        self.cmd_id = cmd_id
        self.cmd_name = cmd_name
        self.final = True
        self.completed = False

    def copy(self) -> ResultContent:
        twin: ResultContent = super().copy()
        twin.status = self.status
        twin.cmd_id = self.cmd_id
        twin.cmd_name = self.cmd_name
        twin.final = self.final
        twin.completed = self.completed
        return twin

    @classmethod
    def error(cls, cmd: CmdContent, detail: str) -> ResultContent:
        result = cls(1, cmd.cmd_id, cmd.name)
        result.properties["detail"] = detail
        return result

    @classmethod
    def ok(cls, cmd: CmdContent, detail: str | None = None) -> ResultContent:
        result = cls(0, cmd.cmd_id, cmd.name)
        if detail is not None:
            result.properties["detail"] = detail
        return result


class DataContent(Content):
    __slots__ = ("buf",)
    kind = DATA

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.buf: bytearray | None = None

    def copy(self) -> Any:
        twin = super().copy()
        twin.buf = None if self.buf is None else bytearray(self.buf)
        return twin


class _FrameContent(DataContent):
    """Buffers plus plain integer fields."""

    __slots__ = ("eof", "timestamp")
    fields: ClassVar[tuple[str, ...]] = ("timestamp", "eof")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.timestamp = 0
        self.eof = False

    def copy(self) -> Any:
        twin = super().copy()
        for field in self.fields:
            setattr(twin, field, getattr(self, field))
        return twin

    def get_field(self, name: str) -> Any:
        return getattr(self, name) if name in self.fields else super().get_field(name)


class AudioContent(_FrameContent):
    __slots__ = (
        "bytes_per_sample",
        "data_fmt",
        "line_size",
        "number_of_channels",
        "sample_rate",
        "samples_per_channel",
    )
    kind = AUDIO_FRAME
    fields = ("timestamp", "eof", *__slots__)

    def __init__(self, name: str) -> None:
        """Without the bases' own, one after the other: most of all messages are audio frames."""
        self.name = name
        self.source = NOWHERE
        self.dests = self._tree = self.json_text = self.locked = self.buf = None
        self.timestamp = 0
        self.eof = False
        self.sample_rate = 0
        self.samples_per_channel = 0
        self.bytes_per_sample = 0
        self.number_of_channels = 0
        self.data_fmt = 1  # interleaved
        self.line_size = 0


class VideoContent(_FrameContent):
    __slots__ = ("height", "pixel_fmt", "width")
    kind = VIDEO_FRAME
    fields = ("timestamp", "eof", *__slots__)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.width = 0
        self.height = 0
        self.pixel_fmt = 2  # RGBA


BUILTIN_CMDS: Final = frozenset(
    {"ten:close_app", "ten:start_graph", "ten:stop_graph", "ten:timer", "ten:trigger_life_cycle"}
)


class _Invalidated:
    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        raise ValueError("Msg is invalidated.")

    def __setattr__(self, name: str, value: Any) -> None:
        raise ValueError("Msg is invalidated.")


INVALIDATED: Final[Any] = _Invalidated()
