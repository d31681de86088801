"""``msg_conversion``: what a destination receives instead of the original message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ten_graph.conversion import convert
from ten_graph.conversion import convert_result as apply_result_rules

from .content import CmdContent, Content, ResultContent
from .log import runtime_log
from .routes import Dest

Conversion = Mapping[str, Any]


def _converted(conversion: Conversion, content: Any) -> Any:
    twin = content.copy()
    twin.name, twin.properties = convert(conversion, content.name, content.properties)
    twin.json_text = None
    return twin


def deliver_converted(dest: Dest, content: Content) -> None:
    """Several conversions of one edge make several messages."""
    for conversion in dest.conversions or ():
        try:
            twin = _converted(conversion, content)
        except ValueError as reason:
            runtime_log.warn(f"message '{content.name}' is dropped, its conversion failed: {reason}")
            continue
        dest.target.receive(twin)


def converted_cmds(dest: Dest, cmd: CmdContent) -> Iterator[tuple[CmdContent, Conversion | None]]:
    """The commands to deliver with the rules for their results. Built-in commands are not converted."""
    if dest.conversions is None or cmd.builtin is not None:
        yield cmd, None
        return
    for conversion in dest.conversions:
        yield _converted(conversion, cmd), conversion if "result" in conversion else None


def convert_result(conversion: Conversion, result: ResultContent) -> None:
    """The result keeps its own properties; the rules add to them."""
    try:
        result.properties = apply_result_rules(conversion, result.name, result.properties)
    except ValueError as reason:
        result.status = 1
        result.properties = {**result.properties, "detail": str(reason)}
    result.json_text = None
