"""One line that shows how far something is: in place on a terminal, now and then elsewhere."""

from __future__ import annotations

import sys
import time

_ELSEWHERE_EVERY_S = 5.0
_BAR_CELLS = 24


class ProgressLine:
    def __init__(self, title: str) -> None:
        self._title = title
        self._tty = sys.stderr.isatty()
        self._last = float("-inf")

    def show(self, what: str, done: int, total: int) -> None:
        """Bytes of bytes; `total` 0 is unknown."""
        now = time.monotonic()
        if now - self._last < (0.1 if self._tty else _ELSEWHERE_EVERY_S) and done < total:
            return
        self._last = now
        share = done / total if total else 0.0
        bar = "#" * round(share * _BAR_CELLS)
        line = f"{self._title} [{bar:<{_BAR_CELLS}}] {share:4.0%} {done / 1e6:,.0f}/{total / 1e6:,.0f} MB {what}"
        print(
            f"\r\033[K{line[:110]}" if self._tty else line, end="" if self._tty else "\n", file=sys.stderr, flush=True
        )

    def end(self) -> None:
        if self._tty:
            print(file=sys.stderr)
