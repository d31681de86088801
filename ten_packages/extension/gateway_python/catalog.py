"""The conversations on offer: graph files, what each needs, and whether it can run here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream_talk.graph import Offer, load_document, offered_graphs


class UnknownGraph(LookupError):
    """Not on offer. The text lists what is."""


@dataclass(frozen=True, slots=True)
class GraphOffer:
    """`title` and `description` are texts by language (`{"en": …, "zh": …}`)."""

    name: str
    title: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    reason: str | None = None
    remedy: str | None = None
    path: Path | None = None

    @property
    def available(self) -> bool:
        return self.reason is None

    def to_wire(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": dict(self.title),
            "description": dict(self.description),
            "needs": self.needs,
            "available": self.available,
            "reason": self.reason,
            "remedy": self.remedy,
        }


def offers_of(home: Path, names: list[str], also: Path | None = None) -> list[GraphOffer]:
    """The graph files of the app, and the file `also`; only `names`, in that order, when there are any."""
    found = {offer.name: _offer(offer) for offer in offered_graphs(home)}
    if also is not None and also.stem not in found:
        info = load_document(also).info
        found[also.stem] = GraphOffer(also.stem, info.title, info.description, list(info.needs), path=also)
    if not names:
        return list(found.values())
    return [found.get(name) or GraphOffer(name, reason="there is no such graph file") for name in names]


def _offer(offer: Offer) -> GraphOffer:
    info = offer.info
    first = offer.obstacles[0] if offer.obstacles else None
    return GraphOffer(
        offer.name,
        info.title or {"en": offer.name},
        info.description,
        list(info.needs),
        None if first is None else f"{first.where}: {first.message}" if first.where else first.message,
        None if first is None else first.remedy,
        offer.path,
    )


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
