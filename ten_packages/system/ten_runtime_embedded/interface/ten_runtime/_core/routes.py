"""Where a message goes: destinations of one (sender, kind, name), with their counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .endpoint import Endpoint


class Dest:
    """One edge. ``target`` is bound once all extensions of the graph exist."""

    __slots__ = ("conversions", "sent", "source", "target")

    def __init__(self, target: Endpoint, conversions: list[Mapping[str, Any]] | None = None) -> None:
        self.target = target
        self.conversions = conversions or None
        self.sent = 0
        self.source: tuple[str, str, str] | None = None  # stands in for the sender's where a graph border is crossed


Routes = list[dict[str, list[Dest]]]  # by kind, then by message name


def empty_routes() -> Routes:
    return [{}, {}, {}, {}, {}]
