"""What all environments have in common: logging, and knowing their end."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from ._core.log import log_system
from ._core.log_format import Record
from .error import TenError, TenErrorCode
from .log_level import LogLevel
from .log_option import DefaultLogOption, LogOption
from .value import Value

Fields = Mapping[str, Any] | Value | None


def closed_error(function: str) -> TenError:
    return TenError.create(TenErrorCode.ErrorCodeTenIsClosed, f"ten_env.{function}() failed because the TEN is closed.")


def _plain(fields: Fields) -> Mapping[str, Any] | None:
    if fields is None:
        return None
    plain = Value.from_python(fields).to_python()
    return plain if isinstance(plain, dict) else {"fields": plain}


class TenEnvBase:
    """``_host`` is the extension or app this environment belongs to."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self._thread_id: int = host.executor.thread_id  # of the thread that may send at once

    def seal(self) -> None:
        """The end: from now on no thread is the right one, so that every send looks closer."""
        self._thread_id = 0

    def log_debug(
        self, msg: str, category: str | None = None, fields: Fields = None, option: LogOption = DefaultLogOption
    ) -> TenError | None:
        return self._log(LogLevel.DEBUG, msg, category, fields, option)

    def log_info(
        self, msg: str, category: str | None = None, fields: Fields = None, option: LogOption = DefaultLogOption
    ) -> TenError | None:
        return self._log(LogLevel.INFO, msg, category, fields, option)

    def log_warn(
        self, msg: str, category: str | None = None, fields: Fields = None, option: LogOption = DefaultLogOption
    ) -> TenError | None:
        return self._log(LogLevel.WARN, msg, category, fields, option)

    def log_error(
        self, msg: str, category: str | None = None, fields: Fields = None, option: LogOption = DefaultLogOption
    ) -> TenError | None:
        return self._log(LogLevel.ERROR, msg, category, fields, option)

    def log(
        self,
        level: LogLevel,
        msg: str,
        category: str | None = None,
        fields: Fields = None,
        option: LogOption = DefaultLogOption,
    ) -> TenError | None:
        return self._log(level, msg, category, fields, option)

    def _log(self, level: int, msg: str, category: str | None, fields: Fields, option: LogOption) -> TenError | None:
        host = self._host
        if host.closed:
            return closed_error("log")
        if not log_system.enabled(level, category):
            return None
        frame = _call_site(option.skip)
        log_system.write(
            Record(
                time_s=time.time(),
                level=int(level),
                category=category,
                thread_id=threading.get_native_id(),
                function=frame.f_code.co_name,
                file=os.path.basename(frame.f_code.co_filename),
                line=frame.f_lineno,
                message=f"[{host.name}] {msg}",
                fields=_plain(fields),
            )
        )
        return None


def _call_site(skip: int) -> Any:
    """``skip`` counts from the frame of ``_log``: 2 is the caller of ``log_info``."""
    frame = sys._getframe(1)
    for _ in range(skip):
        if frame.f_back is None:
            break
        frame = frame.f_back
    return frame
