"""As much of a terminal as `stream-talk chat` uses: rows of cells, a cursor, and what it does at the right edge."""

from __future__ import annotations

import re

from stream_talk_cli.chat.screen import width

TOKEN = re.compile(r"\x1b\[(\d*)([A-Za-z])|(.)", re.DOTALL)


class Terminal:
    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[str]] = [[]]
        self.y = self.x = 0

    def feed(self, text: str) -> None:
        for number, command, character in TOKEN.findall(text):
            if command:
                self._obey(command, int(number or 1))
            else:
                self._put(character)

    @property
    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.rows]

    def _obey(self, command: str, number: int) -> None:
        if command == "A":
            self.y -= number
        elif command == "D":
            self.x -= number
        elif command == "K":
            self.rows[self.y] = []
        elif command != "m":
            raise AssertionError(f"a sequence that this terminal does not know: {command}")

    def _put(self, character: str) -> None:
        if character == "\r":
            self.x = 0
        elif character == "\n":
            self.y, self.x = self.y + 1, 0
            if self.y == len(self.rows):
                self.rows.append([])
        elif character >= " ":
            cells = width(character)
            if self.x + cells > self.columns:
                self._put("\n")
            row = self.rows[self.y]
            row += [" "] * (self.x + cells - len(row))
            row[self.x : self.x + cells] = [character, *[""] * (cells - 1)]
            self.x += cells
