"""The terminal in two parts: lines that stand, and below them what still changes: a live caption, and the line that is being typed.

Each changing part is one row, cut to the width of the terminal, so that it can always be taken back.
"""

from __future__ import annotations

import shutil
import unicodedata
from typing import TextIO

ERASE_ROW, UP = "\r\x1b[2K", "\x1b[1A"
DIM, PLAIN = "\x1b[2m", "\x1b[0m"
PROMPT = "› "


class Screen:
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rows = 0
        self._caption = ""
        self._typed: tuple[str, str] | None = None
        self._state = ""

    @property
    def has_prompt(self) -> bool:
        return self._typed is not None

    def stand(self, text: str) -> None:
        """A line that is done, in place of the live caption."""
        self._caption = ""
        self._draw(f"{text}\n")

    def insert(self, text: str) -> None:
        """A line that is done, above the live caption, which goes on."""
        self._draw(f"{text}\n")

    def caption(self, text: str) -> None:
        """The caller has cut it to `room`."""
        self._caption = text
        self._draw()

    def state(self, text: str) -> None:
        """One word before the prompt: what the other side is doing."""
        self._state = text
        if self._typed is not None:
            self._draw()

    def typing(self, before: str, after: str = "") -> None:
        """What is being typed, before and after the cursor."""
        self._typed = (before, after)
        self._draw()

    def end_typing(self) -> None:
        """The last words: what was being said stands, and whatever comes next begins on a row of its own."""
        last, self._caption, self._typed = self._caption, "", None
        self._draw(f"{last}\n" if last else "")

    def moved_on(self) -> None:
        """The terminal itself went to a new row, because somebody pressed Enter."""
        self._rows, self._caption = 0, ""

    @staticmethod
    def room() -> int:
        return shutil.get_terminal_size().columns - 1

    def _draw(self, standing: str = "") -> None:
        erase = ERASE_ROW + (UP + ERASE_ROW) * (self._rows - 1) if self._rows else ""
        rows = [row for row in (self._caption, self._prompt()) if row]
        self._rows = len(rows)
        self._out.write(erase + standing + "\n".join(rows))
        self._out.flush()

    def _prompt(self) -> str:
        if self._typed is None:
            return ""
        before, after = self._typed
        head = f"{self._state} {PROMPT}" if self._state else PROMPT
        room = max(8, self.room() - width(head))
        shown = tail(before, room - min(width(after), room // 3))
        rest = start(after, room - width(shown))
        back = f"\x1b[{width(rest)}D" if rest else ""
        return f"{DIM}{head}{PLAIN}{shown}{rest}{back}"


def width(text: str) -> int:
    """In cells: wide characters take two, marks on the letter before them none."""
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def tail(text: str, room: int) -> str:
    while text and width(text) > room:
        text = text[1:]
    return text


def start(text: str, room: int) -> str:
    while text and width(text) > room:
        text = text[:-1]
    return text
