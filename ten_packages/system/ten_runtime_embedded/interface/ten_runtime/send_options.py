from __future__ import annotations


class SendOptions:
    """With ``wait_for_result`` a send returns the routing error instead of only logging it."""

    __slots__ = ("wait_for_result",)

    def __init__(self, wait_for_result: bool = False) -> None:
        self.wait_for_result = wait_for_result
