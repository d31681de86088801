"""Who still owes whom a result: the tables behind commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..error import TenError
from .content import ResultContent

if TYPE_CHECKING:
    from .endpoint import Endpoint

Reply = Callable[[ResultContent | None, TenError | None], None]
STATUS_ERROR = 1


class InPath:
    """A command received and not finally answered yet."""

    __slots__ = ("cmd_name", "conversion", "deadline", "origin", "reply_id")

    def __init__(
        self, origin: Endpoint, reply_id: int, cmd_name: str, deadline: float, conversion: dict[str, Any] | None
    ) -> None:
        self.origin = origin
        self.reply_id = reply_id  # the id by which the sender knows the command
        self.cmd_name = cmd_name
        self.deadline = deadline
        self.conversion = conversion


class OutPath:
    """A command sent to one destination."""

    __slots__ = ("cmd_name", "deadline", "group", "is_last", "result_id")

    def __init__(self, group: ResultGroup, result_id: int, cmd_name: str, deadline: float, *, is_last: bool) -> None:
        self.group = group
        self.result_id = result_id  # the id results are given: that of the command the user sent, or its parent
        self.cmd_name = cmd_name
        self.deadline = deadline
        self.is_last = is_last


class ResultGroup:
    """The results of one send. Which of them the sender sees, and which completes it, is decided here.

    ``send_cmd`` to several destinations: the first error at once, else the last destination's result when all are
    there. ``send_cmd_ex``: every result; the last final one completes.
    """

    __slots__ = ("each", "last_ok", "open_dests", "reply", "settled", "single")

    def __init__(self, dest_count: int, reply: Reply, *, each: bool) -> None:
        self.single = dest_count == 1
        self.open_dests = dest_count
        self.reply = reply
        self.each = each
        self.settled = False
        self.last_ok: ResultContent | None = None

    def take(self, path: OutPath, result: ResultContent) -> None:
        if self.single:
            result.completed = result.final
            self.reply(result, None)
        elif self.each:
            if result.final:
                self.open_dests -= 1
            result.completed = self.open_dests == 0
            self.reply(result, None)
        elif not self.settled:
            self._take_first_error_or_last_ok(path, result)

    def _take_first_error_or_last_ok(self, path: OutPath, result: ResultContent) -> None:
        if result.status == STATUS_ERROR:
            self._settle(result)
            return
        if not result.final:
            return
        self.open_dests -= 1
        if path.is_last:
            self.last_ok = result
        if self.open_dests == 0 and self.last_ok is not None:
            self._settle(self.last_ok)

    def _settle(self, result: ResultContent) -> None:
        self.settled = True
        result.completed = True
        self.reply(result, None)
