"""Whatever sends and receives messages: extensions, and the app itself.

All state of an endpoint belongs to its executor's thread. ``send`` and ``accept`` run there; ``receive`` may be called
from anywhere.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any

from ..error import TenError, TenErrorCode
from .content import (
    AUDIO_FRAME,
    CMD,
    DATA,
    KIND_NAMES,
    RESULT,
    VIDEO_FRAME,
    CmdContent,
    Content,
    ResultContent,
    new_cmd_id,
)
from .convert import convert_result, converted_cmds, deliver_converted
from .executors import Executor, LaterCall
from .paths import InPath, OutPath, Reply, ResultGroup
from .routes import Dest, DirectRoutes, Routes, empty_routes

if TYPE_CHECKING:
    from ten_graph.schema import ManifestApi

    from .app_core import AppCore

DEFAULT_PATH_TIMEOUT_S = 180.0
DEFAULT_PATH_CHECK_INTERVAL_S = 10.0


def generic_error(message: str) -> TenError:
    return TenError.create(TenErrorCode.ErrorCodeGeneric, message)


def not_connected(content: Content) -> TenError:
    return TenError.create(
        TenErrorCode.ErrorCodeMsgNotConnected,
        f"Failed to find destination of a '{KIND_NAMES[content.kind]}' message '{content.name}' from graph.",
    )


class Endpoint:
    def __init__(self, app: AppCore, executor: Executor, source: tuple[str, str, str]) -> None:
        self.app = app
        self.executor = executor
        self.source = source
        self.routes: Routes = empty_routes()
        self.direct: DirectRoutes = ({}, {}, {}, {}, {})
        self.only_peer: list[Dest] | None = None  # single-mode tests: everything goes to the other side
        self.api: ManifestApi | None = None
        self.in_paths: dict[int, InPath] = {}
        self.out_paths: dict[int, OutPath] = {}
        self.out_path_timeout_s = DEFAULT_PATH_TIMEOUT_S
        self.in_path_timeout_s = DEFAULT_PATH_TIMEOUT_S + DEFAULT_PATH_CHECK_INTERVAL_S + 1.0
        self.path_check_interval_s = DEFAULT_PATH_CHECK_INTERVAL_S
        self._sweep_timer: LaterCall | None = None
        self._passed: dict[tuple[str, int, str], str] = {}  # by message: the last text that its schema let through

    @property
    def graph_id(self) -> str:
        return self.source[1]

    # Sending --------------------------------------------------------------------------------------------------

    def send(self, content: Any) -> TenError | None:
        """Data and frames. The content is given away, except when it is refused for a locked buffer."""
        if content.dests is None and content.locked is None:
            dest = self.direct[content.kind].get(content.name)
            if dest is not None and (not dest.is_checked or self.check_schema("out", content) is None):
                content.source = dest.source
                dest.sent += 1
                dest.target.accept_plain(content)
                return None
        return self._send_checked(content)

    def learn_direct_routes(self) -> None:
        """Remember what needs no decision: one destination on the same thread, and nothing to convert."""
        for kind in (DATA, AUDIO_FRAME, VIDEO_FRAME):
            self.direct[kind].clear()
            if self.only_peer is not None:
                continue
            for name, dests in self.routes[kind].items():
                if len(dests) != 1 or dests[0].conversions is not None or dests[0].target.executor is not self.executor:
                    continue
                schema = self.api.message_schema("out", KIND_NAMES[kind], name) if self.api is not None else None
                dests[0].is_checked = schema is not None
                self.direct[kind][name] = dests[0]

    def _send_checked(self, content: Any) -> TenError | None:
        if content.locked is not None or self.api is not None:
            error = self.check_outgoing(content)
            if error is not None:
                return error
        dests = self._find_dests(content)
        if isinstance(dests, TenError):
            return dests
        content.source = self.source
        if len(dests) > 1:
            for dest in dests[1:]:
                self._pass_on(dest, content.copy())
        self._pass_on(dests[0], content)
        return None

    def _pass_on(self, dest: Dest, content: Content) -> None:
        dest.sent += 1
        if dest.source is not None:
            content.source = dest.source
        if dest.conversions is not None:
            deliver_converted(dest, content)
        else:
            dest.target.receive(content)

    def send_cmd(self, content: CmdContent, reply: Reply | None, *, each: bool) -> TenError | None:
        if content.kind == RESULT:
            return generic_error("Result commands should be delivered through 'returning'.")
        error = self.check_outgoing(content)
        if error is not None:
            return error
        dests = self._find_dests(content)
        if isinstance(dests, TenError):
            return dests
        parcels: list[tuple[Dest, CmdContent, Any]] = []
        for position, dest in enumerate(dests):
            cmd = content if position == 0 else content.copy()
            parcels.extend((dest, out_cmd, rule) for out_cmd, rule in converted_cmds(dest, cmd))
        result_id = content.cmd_id if content.parent_id is None else content.parent_id
        if reply is None:
            reply = self._forwarder()
        group = ResultGroup(len(parcels), reply, each=each)
        deadline = self.app.now() + self.out_path_timeout_s
        last = len(parcels) - 1
        for position, (_dest, cmd, _rule) in enumerate(parcels):
            if cmd.cmd_id in self.out_paths:  # the same received command sent on twice
                cmd.cmd_id = new_cmd_id()
            self.out_paths[cmd.cmd_id] = OutPath(group, result_id, cmd.name, deadline, is_last=position == last)
            cmd.origin = self
        self._arm_sweep()
        for dest, cmd, rule in parcels:
            dest.sent += 1
            cmd.source = self.source if dest.source is None else dest.source
            cmd.result_conversion = rule
            dest.target.receive(cmd)
        return None

    def _forwarder(self) -> Reply:
        """No handler: results of a forwarded command travel on to whoever sent it here; others are dropped."""

        def forward(result: ResultContent | None, _error: TenError | None) -> None:
            if result is not None and result.cmd_id in self.in_paths:
                self.return_result(result)

        return forward

    def _find_dests(self, content: Content) -> list[Dest] | TenError:
        if self.only_peer is not None:
            content.dests = None
            return self.only_peer
        if content.dests is None:
            return self.routes[content.kind].get(content.name) or not_connected(content)
        locs, content.dests = content.dests, None
        if len(locs) == 1:
            return self.app.resolve(locs[0], content, self)
        return [dest for loc in locs for dest in self.app.resolve(loc, content, self)]

    def check_outgoing(self, content: Any) -> TenError | None:
        if content.locked is not None:
            return generic_error("Locked resources are not allowed in messages sent from an extension.")
        if self.api is None:
            return None
        return self.check_schema("out", content)

    def check_schema(self, direction: str, content: Any) -> TenError | None:
        text = content.json_text
        is_text = text is not None and content._tree is None
        key = (direction, content.kind, content.name)
        if is_text and self._passed.get(key) == text:
            return None  # what has passed passes again: all frames of a stream carry the same
        assert self.api is not None
        properties = content.properties
        try:
            adjusted = self.api.check_message(direction, KIND_NAMES[content.kind], content.name, properties)
        except ValueError as reason:
            return generic_error(str(reason))
        if adjusted is not properties:
            content.properties = adjusted
            content.json_text = None
        elif is_text:
            self._passed[key] = text
            content.become_text(text)
        return None

    def return_result(self, result: ResultContent) -> TenError | None:
        path = self.in_paths.get(result.cmd_id)
        if path is None:
            return None  # unknown, timed out or finally answered: silently discarded
        if self.api is not None:
            try:
                result.properties = self.api.check_result("in", path.cmd_name, result.properties)
            except ValueError as reason:
                return generic_error(str(reason))
        if result.final:
            del self.in_paths[result.cmd_id]
        result.cmd_id = path.reply_id
        result.source = self.source
        if path.conversion is not None:
            convert_result(path.conversion, result)
        path.origin.receive(result)
        return None

    # Receiving ------------------------------------------------------------------------------------------------

    def receive(self, content: Any) -> None:
        executor = self.executor
        if get_ident() == executor.thread_id:
            self.accept(content)
        else:
            executor.post(self.accept, content)

    def accept(self, content: Any) -> None:
        raise NotImplementedError

    def accept_plain(self, content: Any) -> None:
        """Data or a frame from the same thread: the way most messages go, so extensions shorten it."""
        self.accept(content)

    def open_in_path(self, cmd: CmdContent) -> None:
        reply_id = cmd.cmd_id
        if reply_id in self.in_paths:  # it came round in a circle
            cmd.cmd_id = new_cmd_id()
        cmd.parent_id = None
        assert cmd.origin is not None
        deadline = self.app.now() + self.in_path_timeout_s
        self.in_paths[cmd.cmd_id] = InPath(cmd.origin, reply_id, cmd.name, deadline, cmd.result_conversion)
        cmd.origin = None
        self._arm_sweep()

    def take_result(self, result: ResultContent) -> None:
        path = self.out_paths.get(result.cmd_id)
        if path is None:
            return
        if result.final:
            del self.out_paths[result.cmd_id]
        if self.api is not None:
            try:
                result.properties = self.api.check_result("out", path.cmd_name, result.properties)
            except ValueError as reason:
                result.status = 1
                result.json_text = None
                result.properties["detail"] = str(reason)
        result.cmd_id = path.result_id
        path.group.take(path, result)

    # Timeouts and the end ---------------------------------------------------------------------------------------

    def _arm_sweep(self) -> None:
        if self._sweep_timer is None:
            self._sweep_timer = self.app.call_later(self.path_check_interval_s, self.executor, self._sweep)

    def _rearm_sweep(self) -> None:
        """The interval has changed; commands that came before on_configure may wait for a sweep already."""
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
            self._arm_sweep()

    def _sweep(self) -> None:
        """Expire old paths; goes on only while there are any, so an idle graph owns no timer."""
        self._sweep_timer = None
        now = self.app.now()
        for cmd_id in [key for key, path in self.in_paths.items() if path.deadline <= now]:
            del self.in_paths[cmd_id]
        self._fail_out_paths([key for key, path in self.out_paths.items() if path.deadline <= now], "Path timeout.")
        if self.in_paths or self.out_paths:
            self._arm_sweep()

    def _fail_out_paths(self, cmd_ids: list[int], detail: str) -> None:
        for cmd_id in cmd_ids:
            path = self.out_paths[cmd_id]
            result = ResultContent(1, cmd_id, path.cmd_name)
            result.properties["detail"] = detail
            self.take_result(result)

    def close_paths(self) -> None:
        """Nobody is left waiting: senders to this endpoint and its own waiters get an error result."""
        for cmd_id in list(self.in_paths):
            path = self.in_paths.pop(cmd_id)
            result = ResultContent(1, path.reply_id, path.cmd_name)
            result.properties["detail"] = "The destination extension has been terminated."
            result.source = self.source
            path.origin.receive(result)
        self._fail_out_paths(list(self.out_paths), "The extension has been closed.")
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None

    def refuse(self, content: Any, detail: str) -> None:
        """The automatic answer to a command that nobody will handle; data and frames are only dropped."""
        if content.kind != CMD or content.origin is None:
            return
        result = ResultContent.error(content, detail)
        result.source = self.source
        origin, content.origin = content.origin, None
        origin.receive(result)
