"""One log record, as a line of text or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

_LETTERS = {1: "D", 2: "I", 3: "W", 4: "E"}
_NAMES = {1: "DEBUG", 2: "INFO", 3: "WARN", 4: "ERROR"}
_COLORS = {1: "\x1b[36m", 2: "\x1b[32m", 3: "\x1b[33m", 4: "\x1b[31m"}
_RESET = "\x1b[0m"


@dataclass(frozen=True)
class Record:
    time_s: float
    level: int
    category: str | None
    thread_id: int
    function: str
    file: str
    line: int
    message: str
    fields: Mapping[str, Any] | None = None


def _timestamp(time_s: float) -> str:
    moment = datetime.fromtimestamp(time_s, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_plain(record: Record, *, colored: bool) -> str:
    category = f" {record.category}" if record.category else ""
    line = (
        f"{_timestamp(record.time_s)} {os.getpid()}({record.thread_id}) {_LETTERS.get(record.level, '?')}{category} "
        f"{record.function}@{record.file}:{record.line} {record.message}"
    )
    if record.fields:
        line += "".join(f" {key}={_text(value)}" for key, value in record.fields.items())
    return f"{_COLORS.get(record.level, '')}{line}{_RESET}" if colored else line


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def as_json(record: Record) -> str:
    entry: dict[str, Any] = dict(record.fields or {})
    entry.update(
        timestamp=_timestamp(record.time_s),
        level=_NAMES.get(record.level, "INVALID"),
        category=record.category or "",
        pid=os.getpid(),
        tid=record.thread_id,
        function=record.function,
        file=record.file,
        line=record.line,
        message=record.message,
    )
    return json.dumps(entry, ensure_ascii=False, default=str)
