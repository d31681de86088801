"""Where a message goes: destinations of one (sender, kind, name), with their counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .endpoint import Endpoint


class Dest:
    """One edge. ``target`` is bound once all extensions of the graph exist."""

    __slots__ = ("conversions", "is_checked", "sent", "source", "target")

    def __init__(self, target: Endpoint, conversions: list[Mapping[str, Any]] | None = None) -> None:
        self.target = target
        self.conversions = conversions or None
        self.is_checked = False  # the sender's manifest says what such a message must look like
        self.sent = 0
        self.source: tuple[str, str, str] | None = None  # what the receiver sees; None: the sender


DirectRoutes = tuple[dict[str, Dest], ...]  # by kind: the single destination that needs no decision
Routes = list[dict[str, list[Dest]]]  # by kind, then by message name


def empty_routes() -> Routes:
    return [{}, {}, {}, {}, {}]
