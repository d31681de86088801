"""What can be wrong with the memory file, said so that a person can mend it."""

from __future__ import annotations


class MemoryUnavailable(RuntimeError):
    """The memory file cannot be used. The conversation goes on without it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy
