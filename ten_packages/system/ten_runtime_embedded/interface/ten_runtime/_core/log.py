"""Log records: who gets them (matchers), how they look (formatters), where they go (emitters).

Without configuration everything goes to stderr. The level is tested before anything else is done.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TextIO

from ..log_level import LogLevel
from .log_format import Record, as_json, as_plain
from .log_otlp import OtlpEmitter, why_not

OFF = 100
_LEVELS = {
    "off": OFF,
    "debug": LogLevel.DEBUG,
    "info": LogLevel.INFO,
    "warn": LogLevel.WARN,
    "error": LogLevel.ERROR,
}


class LogConfigError(ValueError):
    """`ten.log` of an app's properties is not usable."""


@dataclass(frozen=True)
class _Matcher:
    level: int
    category: str | None


class _ConsoleEmitter:
    def __init__(self, stream: str) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        stream = sys.stdout if self._stream == "stdout" else sys.stderr
        if stream is None:  # a program without a console, as on Windows
            return
        try:
            stream.write(line + "\n")
        except UnicodeEncodeError as error:
            stream.write(line.encode(error.encoding, "backslashreplace").decode(error.encoding) + "\n")
        stream.flush()

    def reopen(self) -> None:
        """A console has nothing to reopen."""

    def close(self) -> None:
        """Nor is it ours to close."""


class _FileEmitter:
    def __init__(self, path: str) -> None:
        self._path = path
        directory = os.path.dirname(path)
        if directory:
            os.makedirs(directory, exist_ok=True)
        self._file = self._open()

    def _open(self) -> TextIO:
        return open(self._path, "a", encoding="utf-8", errors="backslashreplace")  # lives as long as the handler

    def write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()

    def reopen(self) -> None:
        """Raises ``OSError`` and goes on with the old file when the path cannot be opened any more."""
        opened = self._open()
        self._file.close()
        self._file = opened

    def close(self) -> None:
        self._file.close()


class _Handler:
    """Matchers in front of an emitter; how a record gets into it is the subclasses' affair."""

    def __init__(self, matchers: list[_Matcher], emitter: _ConsoleEmitter | _FileEmitter | OtlpEmitter) -> None:
        self._matchers = matchers
        self.emitter = emitter

    def write(self, record: Record) -> None:
        raise NotImplementedError

    def level_for(self, category: str | None) -> int:
        """The last matcher whose category is a prefix of this one; else the last without a category; else nothing."""
        general = OFF
        special: int | None = None
        for matcher in self._matchers:
            if matcher.category is None:
                general = matcher.level
            elif category is not None and category.startswith(matcher.category):
                special = matcher.level
        return general if special is None else special


class _OtlpHandler(_Handler):
    emitter: OtlpEmitter

    def write(self, record: Record) -> None:
        self.emitter.put(record)


class _LineHandler(_Handler):
    emitter: _ConsoleEmitter | _FileEmitter

    def __init__(
        self, matchers: list[_Matcher], emitter: _ConsoleEmitter | _FileEmitter, *, json: bool, colored: bool
    ) -> None:
        super().__init__(matchers, emitter)
        self._json = json
        self._colored = colored
        self._lost_lines = 0

    def write(self, record: Record) -> None:
        """Whoever logs is not to fail because a disk is full or the reader of our output has left."""
        try:
            self.emitter.write(as_json(record) if self._json else as_plain(record, colored=self._colored))
        except (OSError, ValueError):
            self._lost_lines += 1
            return
        if self._lost_lines:
            message = f"{self._lost_lines} log lines could not be written"
            self._lost_lines = 0
            self.write(replace(record, level=LogLevel.WARN, category="ten_runtime", message=message, fields=None))


def _default_handlers() -> Sequence[_Handler]:
    return [_LineHandler([_Matcher(LogLevel.DEBUG, None)], _ConsoleEmitter("stderr"), json=False, colored=False)]


class LogSystem:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handlers: Sequence[_Handler] = _default_handlers()
        self._floors: dict[str | None, int] = {}

    def configure(self, config: object) -> None:
        """``config`` is the value of ``ten.log``. Raises ``LogConfigError``; the old configuration stays then."""
        handlers = [_handler(entry, index) for index, entry in enumerate(_list_of(config, "handlers"))]
        self._install([handler for handler in handlers if handler is not None])

    def configure_legacy(self, level: object, file: object) -> None:
        """``ten.log_level`` and ``ten.log_file`` of older apps: one threshold, one place."""
        name = level if isinstance(level, str) and level in _LEVELS else "debug"
        emitter: dict[str, Any] = {"type": "console"}
        if isinstance(file, str) and file:
            emitter = {"type": "file", "config": {"path": file}}
        self.configure({"handlers": [{"matchers": [{"level": name}], "emitter": emitter}]})

    def _install(self, handlers: Sequence[_Handler]) -> None:
        with self._lock:
            former, self._handlers = self._handlers, handlers or _default_handlers()
            self._floors = {}
        for handler in former:
            handler.emitter.close()

    def flush(self) -> None:
        """Before the process ends: what waits to be sent is sent, for a limited time."""
        for handler in self._handlers:
            if isinstance(handler, _OtlpHandler):
                handler.emitter.close()

    def enabled(self, level: int, category: str | None = None) -> bool:
        floor = self._floors.get(category)
        if floor is None:
            floor = min((handler.level_for(category) for handler in self._handlers), default=OFF)
            if len(self._floors) < 256:
                self._floors[category] = floor
        return level >= floor

    def write(self, record: Record) -> None:
        with self._lock:
            for handler in self._handlers:
                if record.level >= handler.level_for(record.category):
                    handler.write(record)

    def reopen_files(self) -> None:
        failures = []
        with self._lock:
            for handler in self._handlers:
                try:
                    handler.emitter.reopen()
                except OSError as reason:
                    failures.append(str(reason))
        for failure in failures:
            runtime_log.error(f"a log file cannot be opened again: {failure}")


def _list_of(config: object, key: str) -> list[Any]:
    value = config.get(key, []) if isinstance(config, dict) else None
    if not isinstance(value, list):
        raise LogConfigError(f"ten.log: '{key}' must be an array")
    return value


def _handler(entry: object, index: int) -> _Handler | None:
    where = f"ten.log.handlers[{index}]"
    if not isinstance(entry, dict):
        raise LogConfigError(f"{where} must be an object")
    emitter = entry.get("emitter")
    matchers = [_matcher(item, where) for item in _list_of(entry, "matchers")]
    if isinstance(emitter, dict) and emitter.get("type") == "otlp":
        return _otlp_handler(matchers, emitter.get("config"), where)
    formatter = entry.get("formatter") or {}
    kind = formatter.get("type", "plain") if isinstance(formatter, dict) else formatter
    if kind not in ("plain", "json"):
        raise LogConfigError(f"{where}.formatter: 'type' is {kind!r}; it must be 'plain' or 'json'")
    colored = isinstance(formatter, dict) and bool(formatter.get("colored", False))
    return _LineHandler(matchers, _emitter(emitter, where), json=kind == "json", colored=colored)


def _otlp_handler(matchers: list[_Matcher], config: object, where: str) -> _Handler | None:
    settings = config if isinstance(config, dict) else {}
    obstacle = why_not(settings)
    if obstacle is not None:
        runtime_log.warn(f"{where}: {obstacle}; the handler is left out")
        return None
    return _OtlpHandler(matchers, OtlpEmitter(settings))


def _matcher(item: object, where: str) -> _Matcher:
    level = item.get("level") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(level, str) or level not in _LEVELS:
        raise LogConfigError(f"{where}.matchers: 'level' must be one of {', '.join(_LEVELS)}")
    return _Matcher(_LEVELS[level], item.get("category") or None)


def _emitter(entry: object, where: str) -> _ConsoleEmitter | _FileEmitter:
    if not isinstance(entry, dict):
        raise LogConfigError(f"{where}.emitter must be an object")
    config = entry.get("config") or {}
    if entry.get("type") == "console":
        return _ConsoleEmitter(str(config.get("stream", "stderr")))
    if entry.get("type") == "file":
        path = config.get("path")
        if not isinstance(path, str) or not path:
            raise LogConfigError(f"{where}.emitter: a file emitter needs config.path")
        try:
            return _FileEmitter(path)
        except OSError as reason:
            raise LogConfigError(f"{where}.emitter: {reason}") from None
    raise LogConfigError(f"{where}.emitter: 'type' must be 'console', 'file' or 'otlp'")


log_system = LogSystem()
atexit.register(log_system.flush)


class _RuntimeLog:
    """The runtime's own voice."""

    def _write(self, level: LogLevel, message: str) -> None:
        if not log_system.enabled(level, "ten_runtime"):
            return
        frame = sys._getframe(2)
        log_system.write(
            Record(
                time_s=time.time(),
                level=int(level),
                category="ten_runtime",
                thread_id=threading.get_native_id(),
                function=frame.f_code.co_name,
                file=os.path.basename(frame.f_code.co_filename),
                line=frame.f_lineno,
                message=message,
            )
        )

    def debug(self, message: str) -> None:
        self._write(LogLevel.DEBUG, message)

    def info(self, message: str) -> None:
        self._write(LogLevel.INFO, message)

    def warn(self, message: str) -> None:
        self._write(LogLevel.WARN, message)

    def error(self, message: str) -> None:
        self._write(LogLevel.ERROR, message)

    def exception(self, message: str) -> None:
        self._write(LogLevel.ERROR, f"{message}\n{traceback.format_exc()}")


runtime_log = _RuntimeLog()
