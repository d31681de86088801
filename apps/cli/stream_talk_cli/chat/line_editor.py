"""A line being typed, as a state machine: characters in, finished lines out. Knows no terminal and no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ENTER, END, ESCAPE = "\r\n", "\x04", "\x1b"
SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z~]|O[A-Z])")
UNFINISHED = re.compile(r"\x1b(\[[0-9;?]*|O)$")
KEPT_LINES = 200


class Ended(Exception):
    """The person closed the input."""


@dataclass(slots=True)
class LineEditor:
    text: str = ""
    cursor: int = 0
    _history: list[str] = field(default_factory=list)
    _at: int = 0
    _rest: str = ""

    def feed(self, typed: str) -> list[str]:
        """The lines that were finished. Escape by itself, like Enter on nothing, finishes an empty one: be quiet. Raises Ended."""
        typed, self._rest = self._rest + typed, ""
        lines: list[str] = []
        while typed:
            if found := SEQUENCE.match(typed):
                self._move(found[1])
                typed = typed[found.end() :]
            elif UNFINISHED.match(typed):
                self._rest, typed = typed, ""
            else:
                self._take(typed[0], lines)
                typed = typed[1:]
        return lines

    @property
    def before(self) -> str:
        return self.text[: self.cursor]

    @property
    def after(self) -> str:
        return self.text[self.cursor :]

    def _take(self, character: str, lines: list[str]) -> None:
        if character in ENTER:
            lines.append(self._finish())
        elif character == ESCAPE:
            lines.append("")
        elif character == END:
            if not self.text:
                raise Ended
        elif character in "\x7f\b":
            self._replace(self.before[:-1])
        elif character == "\x15":  # Ctrl-U
            self._replace("")
        elif character == "\x17":  # Ctrl-W
            self._replace(re.sub(r"\S*\s*$", "", self.before))
        elif character == "\x01":  # Ctrl-A
            self.cursor = 0
        elif character == "\x05":  # Ctrl-E
            self.cursor = len(self.text)
        elif character.isprintable():
            self._replace(self.before + character)

    def _replace(self, before: str) -> None:
        self.text, self.cursor = before + self.after, len(before)

    def _finish(self) -> str:
        line, self.text, self.cursor = self.text, "", 0
        if line.strip():
            self._history = [*self._history, line][-KEPT_LINES:]
        self._at = len(self._history)
        return line

    def _move(self, sequence: str) -> None:
        key = sequence.lstrip("[O")
        if key == "A":
            self._recall(-1)
        elif key == "B":
            self._recall(1)
        elif key == "C":
            self.cursor = min(len(self.text), self.cursor + 1)
        elif key == "D":
            self.cursor = max(0, self.cursor - 1)
        elif key in ("H", "1~"):
            self.cursor = 0
        elif key in ("F", "4~"):
            self.cursor = len(self.text)
        elif key == "3~":
            self.text = self.before + self.after[1:]

    def _recall(self, step: int) -> None:
        self._at = min(len(self._history), max(0, self._at + step))
        self.text = self._history[self._at] if self._at < len(self._history) else ""
        self.cursor = len(self.text)
