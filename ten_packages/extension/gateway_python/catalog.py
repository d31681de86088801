"""The conversations on offer: graph files, what each needs, and whether it can run here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


class UnknownGraph(LookupError):
    """Not on offer. The text lists what is."""


@dataclass(frozen=True, slots=True)
class GraphOffer:
    name: str
    title: str
    description: str = ""
    needs: list[str] = field(default_factory=list)
    reason: str | None = None
    remedy: str | None = None

    @property
    def available(self) -> bool:
        return self.reason is None

    def to_wire(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "needs": self.needs,
            "available": self.available,
            "reason": self.reason,
            "remedy": self.remedy,
        }


class GraphCatalog:
    def __init__(self, offers: Iterable[GraphOffer], default: str) -> None:
        self._offers = {offer.name: offer for offer in offers}
        self.default = default

    def __iter__(self) -> Any:
        return iter(self._offers.values())

    def require(self, name: str) -> GraphOffer:
        """Raises `UnknownGraph`, also for a graph that cannot run here: then the text says what is missing."""
        offer = self._offers.get(name)
        if offer is None:
            raise UnknownGraph(f"no graph {name!r} here; there is {', '.join(sorted(self._offers)) or 'none'}")
        if not offer.available:
            raise UnknownGraph(
                f"graph {name!r} cannot run here: {offer.reason}" + (f"; {offer.remedy}" if offer.remedy else "")
            )
        return offer

    def to_wire(self) -> dict[str, Any]:
        return {"default": self.default, "graphs": [offer.to_wire() for offer in self._offers.values()]}
