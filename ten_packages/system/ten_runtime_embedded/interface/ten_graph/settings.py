"""The properties of a node that the runtime itself reads: ``ten`` (or ``_ten``), and ``ten_embedded`` of this runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ten_graph.errors import did_you_mean

KEYS = ("ten", "_ten", "ten_embedded")
STAGES = ("start", "stop")
_TEN_KEYS = ("path_timeout", "path_check_interval", "manual_trigger_life_cycle")
_MICROSECONDS = "write a positive number of microseconds"

Finding = tuple[str, str, str]  # (path, what is wrong, what to write instead)


def problems(properties: Mapping[str, Any]) -> Iterator[Finding]:
    for key in ("ten", "_ten"):
        ten = properties.get(key, {})
        if isinstance(ten, Mapping):
            yield from _ten_problems(ten, key)
        else:
            yield key, "must be an object", ""
    own = properties.get("ten_embedded", {})
    if not isinstance(own, Mapping):
        yield "ten_embedded", "must be an object", ""
        return
    for name, value in own.items():
        if name != "inbox_limit":
            yield f"ten_embedded.{name}", "a node has no such option", did_you_mean(str(name), ("inbox_limit",))
        elif not _is_positive(value):
            yield "ten_embedded.inbox_limit", f"{value!r} is no limit", "write a positive number of messages"


def _ten_problems(ten: Mapping[str, Any], key: str) -> Iterator[Finding]:
    yield from path_problems(ten, key)
    if "manual_trigger_life_cycle" in ten:
        yield from _stage_problems(ten["manual_trigger_life_cycle"], f"{key}.manual_trigger_life_cycle")
    for name in ten:
        remedy = did_you_mean(str(name), _TEN_KEYS)
        if name not in _TEN_KEYS and remedy.startswith("did you mean"):  # others may mean something to TEN
            yield f"{key}.{name}", "unknown key", remedy


def path_problems(ten: Mapping[str, Any], key: str) -> Iterator[Finding]:
    """Of ``path_timeout`` and ``path_check_interval``, which apps have too."""
    timeout = ten.get("path_timeout")
    if isinstance(timeout, Mapping):
        for name, value in timeout.items():
            if name not in ("in_path", "out_path"):
                yield f"{key}.path_timeout.{name}", "unknown key", did_you_mean(str(name), ("in_path", "out_path"))
            elif not _is_positive(value):
                yield f"{key}.path_timeout.{name}", f"{value!r} is no time", _MICROSECONDS
    elif "path_timeout" in ten and not _is_positive(timeout):
        yield f"{key}.path_timeout", f"{timeout!r} is no time", _MICROSECONDS
    if "path_check_interval" in ten and not _is_positive(ten["path_check_interval"]):
        yield f"{key}.path_check_interval", f"{ten['path_check_interval']!r} is no time", _MICROSECONDS


def _stage_problems(stages: object, path: str) -> Iterator[Finding]:
    if not isinstance(stages, list):
        yield path, "an array is needed", 'write [{"stage": "start"}]'
        return
    for index, entry in enumerate(stages):
        name = entry.get("stage") if isinstance(entry, Mapping) else None
        if name not in STAGES:
            yield f"{path}[{index}]", f"unknown stage {name!r}", did_you_mean(str(name), STAGES)


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
