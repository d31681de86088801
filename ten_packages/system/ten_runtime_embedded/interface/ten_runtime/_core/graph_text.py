"""What ``StartGraphCmd.set_graph_from_json`` checks before anything is sent."""

from __future__ import annotations

from ten_graph import GraphError
from ten_graph.source import parse_object
from ten_graph.validate import problems

from .log import runtime_log


def check_graph_json(text: str) -> bool:
    try:
        document = parse_object(text)
    except GraphError as reason:
        runtime_log.error(f"set_graph_from_json: {reason}")
        return False
    first = next(iter(problems(document)), None)
    if first is not None:
        runtime_log.error(f"set_graph_from_json: {first.line()}")
    return first is None
