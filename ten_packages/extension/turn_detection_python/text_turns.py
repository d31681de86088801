"""TEN's own protocol for turn detection: `text_data` in, `text_data` and `flush` out. Pure.

A control extension of TEN sends every transcript here and acts on what comes back: pieces are gathered until the turn is
finished; `flush` says once per turn that somebody speaks; a request to wait is dropped without an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stream_talk.turn.words import join_segments

from .words import State

_LEAST_CHARACTERS = 2


@dataclass
class TextTurns:
    _kept: list[str] = field(default_factory=list)
    _flushed: bool = False

    def flush_due(self, text: str, *, final: bool) -> bool:
        """True once per turn: stop what is being said."""
        if self._flushed or not (final or len(text.strip()) >= _LEAST_CHARACTERS):
            return False
        self._flushed = True
        return True

    def text_so_far(self, newest: str) -> str:
        return join_segments([*self._kept, newest])

    def keep(self, text: str) -> None:
        self._kept.append(text)

    def settle(self, state: State) -> str | None:
        """What the control extension gets as a turn; None while it goes on, or when nobody wants an answer."""
        if state == "unfinished":
            return None
        turn = self.take()
        return turn if state == "finished" else None

    def take(self) -> str:
        turn = join_segments(self._kept)
        self._kept.clear()
        self._flushed = False
        return turn
