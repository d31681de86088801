from __future__ import annotations

from ._core.content import CmdContent
from .msg import Msg


class Cmd(Msg):
    """A command; whoever receives it answers with a ``CmdResult``."""

    __slots__ = ()
    _content: CmdContent

    @classmethod
    def create(cls, name: str) -> Cmd:
        """A built-in name (``ten:close_app``, ...) makes that built-in command."""
        if not isinstance(name, str) or not name:
            raise ValueError("Failed to parse arguments.")
        cmd: Cmd = cls._wrap(CmdContent(name))
        return cmd

    def clone(self) -> Cmd:
        cmd: Cmd = self._wrap(self._content.copy())
        return cmd
