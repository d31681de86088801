"""What can be wrong with a graph: one problem, and the error that carries the first of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

INVALID_JSON = 2
INVALID_GRAPH = 5
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Problem:
    """One finding: where in which file, what is wrong, and what to write instead."""

    where: str
    message: str
    remedy: str = ""
    file: str = ""

    def line(self) -> str:
        place = ": ".join(part for part in (self.file, self.where) if part)
        text = f"{self.message}; {self.remedy}" if self.remedy else self.message
        return _one_line(f"{place}: {text}" if place else text)

    def within(self, file: str) -> Problem:
        return self if self.file else replace(self, file=file)


def _one_line(text: str) -> str:
    """Names come from files: what would break the line, or steer the terminal, is shown as an escape."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class GraphError(ValueError):
    """A graph that cannot be used. `code` is TEN's error code, `where` the place in the file."""

    def __init__(
        self, message: str, code: int = INVALID_GRAPH, *, where: str = "", remedy: str = "", file: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.remedy = remedy
        self.file = file

    def __str__(self) -> str:
        return self.problem().line()

    def problem(self) -> Problem:
        return Problem(self.where, self.message, self.remedy, self.file)

    @classmethod
    def of(cls, problem: Problem) -> GraphError:
        return cls(problem.message, where=problem.where, remedy=problem.remedy, file=problem.file)


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """The remedy for a misspelt name: the closest known one, or the list of all of them when it is short."""
    import difflib  # 9 ms that only a mistake should cost

    names = sorted(set(known))
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    if otherwise:
        return otherwise
    return f"known: {', '.join(names)}" if 0 < len(names) <= 16 else ""
