"""When is the turn over? A decision over time, not a timer.

`wait_ms` answers: after how much silence may the reply begin? It is a continuous, falling function of the probability that the
person has finished: about `floor_ms` for a finished question, `ceiling_ms` for a phrase that hangs in the air, everything
between for everything between. Rules that hold for every configuration:

1. wait <= 1,200 ms, whatever the settings: nobody is ever held longer.
2. The wait falls as the probability rises, and small changes of one make small changes of the other: no cliff.
3. A draft that needs time anyway is waited for: committing before it can sound gains nothing and may cut the person off.
   It never prolongs the wait beyond the ceiling.
4. A person who was cut off gets a little more time from then on; every turn that went well gives a little of it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LIMIT_MS = 1200.0
_CURVE = 2.0  # > 1: probable ends are answered fast, the long waits are kept for phrases that clearly hang in the air


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """`floor_ms` and `ceiling_ms` hold at patience 0.5. Both 0 means: whatever the VAD says is the end of the turn."""

    floor_ms: float = 200.0
    ceiling_ms: float = 1200.0
    patience: float = 0.5


def wait_ms(
    finished: float, settings: EndpointSettings, *, pipeline_need_ms: float = 0.0, caution: float = 1.0
) -> float:
    """Silence to let pass, counted from the last speech sample. `pipeline_need_ms`: time until a running draft can sound."""
    stretch = caution * math.pow(4.0, min(1.0, max(0.0, settings.patience)) - 0.5)
    ceiling = min(LIMIT_MS, settings.ceiling_ms * stretch)
    floor = min(ceiling, settings.floor_ms * stretch)
    unfinished = 1.0 - min(1.0, max(0.0, finished))
    by_words = floor + (ceiling - floor) * math.pow(unfinished, _CURVE)
    return min(ceiling, max(by_words, pipeline_need_ms))


@dataclass(slots=True)
class Caution:
    """What this person has taught us: 1.0 at first, up to 1.6 for someone who is often cut off (rule 4)."""

    factor: float = 1.0

    def cut_off(self) -> None:
        self.factor = min(1.6, self.factor * 1.15)

    def went_well(self) -> None:
        self.factor = max(1.0, self.factor * 0.98)


@dataclass(slots=True)
class Opinion:
    """The newest word on whether the person has finished: the detector's while it is about these words, ours otherwise."""

    detector: float | None = None
    detector_words: tuple[str, ...] = ()

    def about(self, words: tuple[str, ...]) -> bool:
        """The detector judged the end of these words, or the voice alone; a late or dead one must not hold anyone up."""
        judged = self.detector_words
        return self.detector is not None and (not judged or judged == words[-len(judged) :])
