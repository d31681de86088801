from __future__ import annotations

from enum import IntEnum

from ._core.content import ResultContent
from ._core.property_tree import bad_arguments
from .cmd import Cmd
from .msg import Msg


class StatusCode(IntEnum):
    OK = 0
    ERROR = 1


class CmdResult(Msg):
    """An answer to a command. ``set_final(False)`` marks one of several streamed answers."""

    __slots__ = ()
    _content: ResultContent

    @classmethod
    def create(cls, status_code: StatusCode, target_cmd: Cmd) -> CmdResult:
        if not isinstance(target_cmd, Cmd) or not isinstance(status_code, int):
            raise bad_arguments()
        target = target_cmd._content
        result: CmdResult = cls._wrap(ResultContent(int(status_code), target.cmd_id, target.name))
        return result

    def clone(self) -> CmdResult:
        result: CmdResult = self._wrap(self._content.copy())
        return result

    def get_status_code(self) -> StatusCode:
        return StatusCode(self._content.status)

    def set_final(self, is_final: bool) -> None:
        self._content.final = bool(is_final)

    def is_final(self) -> bool:
        """The answering side's word: no further result follows from it."""
        return self._content.final

    def is_completed(self) -> bool:
        """The runtime's word: no further result will arrive for this send, from any destination."""
        return self._content.completed
