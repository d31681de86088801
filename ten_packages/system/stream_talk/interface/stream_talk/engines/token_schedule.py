"""How many new tokens a vocoder waits for before it is asked for sound: few at first, so that speech begins soon, then more, because
every call decodes the tokens before once again.

    schedule = TokenSchedule((10, 15, 25, 50))
    if schedule.is_due(len(tokens) - decoded):
        schedule.advance()
"""

from __future__ import annotations

from collections.abc import Sequence


class TokenSchedule:
    """Local to one request: a schedule shared between requests would give the second one a late first chunk."""

    def __init__(self, steps: Sequence[int], *, look_ahead: int = 0) -> None:
        if not steps or min(steps) < 1:
            raise ValueError("a schedule needs at least one step of at least one token")
        self._steps = tuple(steps)
        self._position = 0
        self.look_ahead = look_ahead
        """Tokens that must be there beyond the wanted ones, because the vocoder looks at them without speaking them."""

    @property
    def wanted(self) -> int:
        """New tokens of the next chunk; the last step repeats."""
        return self._steps[min(self._position, len(self._steps) - 1)]

    def is_due(self, pending: int) -> bool:
        return pending >= self.wanted + self.look_ahead

    def advance(self) -> None:
        self._position += 1
