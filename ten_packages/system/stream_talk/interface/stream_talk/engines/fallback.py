"""A chain of engines for one role: the first that works serves; when it fails or is late, the next takes over.

Pure bookkeeping, usable for ASR, TTS and LLM alike. A link that failed is left alone for `retry_after_ms`, then tried again: the
better engine comes back by itself. `on_switch` is told what happened in words a person can be shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from stream_talk import clock

T = TypeVar("T")
GRACE_MS = 2000.0
"""A late engine is told to stop. Only one that has not after this time hangs and is ended: sessions share engines."""


class EngineLate(RuntimeError):
    """No result within the time the chain allows this engine."""


@dataclass(eq=False)
class Link(Generic[T]):
    name: str
    engine: T
    late_ms: float  # how long a request may wait here for its first result before the next engine takes over
    retry_after_ms: float = 30_000.0
    available: bool = False
    resting_until_ms: float = float("-inf")
    failures: int = 0
    served: int = 0


class FallbackChain(Generic[T]):
    def __init__(self, links: list[Link[T]], on_switch: Callable[[str], None]) -> None:
        if not links:
            raise ValueError("a chain needs at least one engine")
        self.links = links
        self._on_switch = on_switch
        self._serving = links[0]

    @property
    def primary(self) -> Link[T]:
        return self.links[0]

    def best(self, tried: set[str] | None = None) -> Link[T] | None:
        """The first link that is loaded, rested and not in `tried`; then one that is merely loaded; else None."""
        tried = tried or set()
        loaded = [link for link in self.links if link.available and link.name not in tried]
        now_ms = clock.now_ms()
        rested = [link for link in loaded if link.resting_until_ms <= now_ms]
        chosen = next(iter(rested or loaded), None)
        if chosen is not None and not tried:
            self._note_return(chosen)
        return chosen

    def failed(self, link: Link[T], reason: BaseException | str, tried: set[str]) -> Link[T] | None:
        """`link` did not deliver. Adds it to `tried`, lets it rest, and returns who takes over (None: nobody is left)."""
        tried.add(link.name)
        link.failures += 1
        if len(self.links) > 1:
            link.resting_until_ms = clock.now_ms() + link.retry_after_ms
        successor = self.best(tried)
        if successor is not None:
            self._serving = successor
            self._on_switch(f"{link.name} did not answer ({reason}); {successor.name} takes over")
        return successor

    def _note_return(self, chosen: Link[T]) -> None:
        if chosen is not self._serving and chosen is self.primary:
            self._on_switch(f"{chosen.name} is back")
        self._serving = chosen
