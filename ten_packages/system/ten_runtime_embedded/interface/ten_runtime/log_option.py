from __future__ import annotations


class LogOption:
    """``skip``: stack frames from the runtime to the call site. ``sync``: return only when the line is written."""

    __slots__ = ("skip", "sync")

    def __init__(self, skip: int = 2, sync: bool = False) -> None:
        self.skip = skip
        self.sync = sync


DefaultLogOption = LogOption()
