"""The environment of apps, addons and sync extensions: nothing here blocks or awaits."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

from ._core import env_properties as props
from ._core import property_access as access
from ._core.content import INVALIDATED, CmdContent, ResultContent
from ._core.endpoint import generic_error
from ._core.extension_host import Stage
from ._core.log import runtime_log
from ._core.paths import Reply
from ._core.property_tree import MISSING, not_found
from .audio_frame import AudioFrame
from .cmd import Cmd
from .cmd_result import CmdResult
from .data import Data
from .error import TenError
from .msg import Msg
from .ten_env_attach_to_enum import _TenEnvAttachTo
from .ten_env_base import TenEnvBase, closed_error
from .video_frame import VideoFrame

ResultHandler = Callable[[Any, CmdResult | None, TenError | None], Any]
ErrorHandler = Callable[[Any, TenError | None], Any]


class MessageSending(TenEnvBase):
    """Sending with handlers. ``_host`` is where it happens; handlers get this very environment first."""

    def send_cmd(self, cmd: Cmd, result_handler: ResultHandler | None = None) -> TenError | None:
        return self._send_cmd("send_cmd", cmd, result_handler, each=False)

    def send_cmd_ex(self, cmd: Cmd, result_handler: ResultHandler | None = None) -> TenError | None:
        return self._send_cmd("send_cmd_ex", cmd, result_handler, each=True)

    def send_data(self, data: Data, error_handler: ErrorHandler | None = None) -> TenError | None:
        return self._hand_over("send_data", data, self._host.send, error_handler)

    def send_audio_frame(self, audio_frame: AudioFrame, error_handler: ErrorHandler | None = None) -> TenError | None:
        return self._hand_over("send_audio_frame", audio_frame, self._host.send, error_handler)

    def send_video_frame(self, video_frame: VideoFrame, error_handler: ErrorHandler | None = None) -> TenError | None:
        return self._hand_over("send_video_frame", video_frame, self._host.send, error_handler)

    def return_result(self, cmd_result: CmdResult, error_handler: ErrorHandler | None = None) -> TenError | None:
        return self._hand_over("return_result", cmd_result, self._host.return_result, error_handler)

    def _send_cmd(self, function: str, cmd: Cmd, handler: ResultHandler | None, *, each: bool) -> TenError | None:
        host = self._host
        if host.closed:
            return closed_error(function)
        content: CmdContent = cmd._content
        if content.locked is not None:
            error: TenError | None = host.check_outgoing(content)
            return error
        cmd._content = INVALIDATED
        reply: Reply | None = None
        if callable(handler):
            call = handler

            def deliver(result: ResultContent | None, failure: TenError | None) -> None:
                wrapped = None if result is None else CmdResult._wrap(result)
                host.run_handler(call, self, wrapped, failure)

            reply = deliver
        self._on_owner_thread(self._send_cmd_now, content, reply, each)
        return None

    def _send_cmd_now(self, content: CmdContent, reply: Reply | None, each: bool) -> None:
        error = self._host.send_cmd(content, reply, each=each)
        if error is None:
            return
        if reply is not None:
            reply(None, error)
        else:
            runtime_log.warn(f"[{self._host.name}] {error.error_message()}")

    def _hand_over(
        self, function: str, message: Msg, send: Callable[[Any], TenError | None], handler: ErrorHandler | None
    ) -> TenError | None:
        host = self._host
        if host.closed:
            return closed_error(function)
        content = message._content
        if content.locked is not None:
            return generic_error("Locked resources are not allowed in messages sent from an extension.")
        message._content = INVALIDATED
        self._on_owner_thread(self._hand_over_now, send, content, handler)
        return None

    def _hand_over_now(
        self, send: Callable[[Any], TenError | None], content: Any, handler: ErrorHandler | None
    ) -> None:
        error = send(content)
        if callable(handler):
            self._host.run_handler(handler, self, error)
        elif error is not None:
            runtime_log.debug(f"[{self._host.name}] {error.error_message()}")

    def _on_owner_thread(self, function: Callable[..., None], *args: Any) -> None:
        executor = self._host.executor
        if get_ident() == executor.thread_id:
            function(*args)
        else:
            executor.post(function, *args)


class Acknowledging(TenEnvBase):
    def _acknowledge(self, function: str, stage: Stage) -> None:
        host = self._host
        if host.closed:
            raise ValueError(f"ten_env.{function}() failed because the TEN is closed.")
        executor = host.executor
        if get_ident() == executor.thread_id:
            host.acknowledge(stage)
        else:
            executor.post(host.acknowledge, stage)

    def on_init_done(self) -> None:
        self._acknowledge("on_init_done", Stage.INIT)

    def on_start_done(self) -> None:
        self._acknowledge("on_start_done", Stage.START)

    def on_stop_done(self) -> None:
        self._acknowledge("on_stop_done", Stage.STOP)

    def on_deinit_done(self) -> None:
        self._acknowledge("on_deinit_done", Stage.DEINIT)


class TenEnv(MessageSending, Acknowledging):
    def __init__(self, host: Any, attach_to: _TenEnvAttachTo = _TenEnvAttachTo.EXTENSION) -> None:
        super().__init__(host)
        self._attach_to = attach_to

    # Acknowledgements -------------------------------------------------------------------------------------------

    def on_configure_done(self) -> None:
        self._acknowledge("on_configure_done", Stage.CONFIGURE)

    def on_create_instance_done(self, instance: Any, context: Any) -> None:
        """Of addons: hands the new extension over."""
        context.done(instance)

    # Properties -------------------------------------------------------------------------------------------------

    def get_property_to_json(self, path: str | None = None) -> tuple[str, TenError | None]:
        if self._host.closed:
            return "", closed_error("get_property_to_json")
        return props.property_json(self._host, path)

    def set_property_from_json(self, path: str, json_str: str) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_from_json")
        return props.put_property_json(self._host, path, access.check_string(json_str))

    def get_property_int(self, path: str) -> tuple[int, TenError | None]:
        if self._host.closed:
            return 0, closed_error("get_property_int")
        return access.as_int(props.find_property(self._host, path), path)

    def set_property_int(self, path: str, value: int) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_int")
        return props.put_property(self._host, path, access.check_int(value))

    def get_property_string(self, path: str) -> tuple[str, TenError | None]:
        if self._host.closed:
            return "", closed_error("get_property_string")
        return access.as_string(props.find_property(self._host, path), path)

    def set_property_string(self, path: str, value: str) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_string")
        return props.put_property(self._host, path, access.check_string(value))

    def get_property_bool(self, path: str) -> tuple[bool, TenError | None]:
        if self._host.closed:
            return False, closed_error("get_property_bool")
        return access.as_bool(props.find_property(self._host, path), path)

    def set_property_bool(self, path: str, value: bool) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_bool")
        return props.put_property(self._host, path, access.check_bool(value))

    def get_property_float(self, path: str) -> tuple[float, TenError | None]:
        if self._host.closed:
            return 0.0, closed_error("get_property_float")
        return access.as_float(props.find_property(self._host, path), path)

    def set_property_float(self, path: str, value: float) -> TenError | None:
        if self._host.closed:
            return closed_error("set_property_float")
        return props.put_property(self._host, path, access.check_float(value))

    def is_property_exist(self, path: str) -> tuple[bool, TenError | None]:
        if self._host.closed:
            return False, closed_error("is_property_exist")
        if props.find_property(self._host, path) is MISSING:
            return False, not_found(path)
        return True, None

    def init_property_from_json(self, json_str: str) -> TenError | None:
        if self._host.closed:
            return closed_error("init_property_from_json")
        return props.init_property(self._host, access.check_string(json_str))
