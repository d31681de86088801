"""A limit on one wait. `asyncio.wait_for` of Python 3.10 and 3.11 loses a cancellation that arrives together with the result, which
would leave a server generating for nobody; it also makes a task of every wait, which costs more than a token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from stream_talk import clock

T = TypeVar("T")


class TooLate(Exception):
    """The wait took longer than it may."""


async def within(work: Awaitable[T], limit_ms: float) -> T:
    """Wait for something that really happens outside the loop; simulated time stands still meanwhile."""
    task = asyncio.current_task()
    assert task is not None
    fired = False

    def fire() -> None:
        nonlocal fired
        fired = True
        task.cancel()

    timer = clock.call_later_ms(limit_ms, fire)
    try:
        with clock.real_work():
            return await work
    except asyncio.CancelledError:
        uncancel = getattr(task, "uncancel", None)  # Python 3.11 and later count cancellations
        if fired and (uncancel is None or uncancel() == 0):
            raise TooLate(f"nothing for {limit_ms:g} ms") from None
        raise
    finally:
        timer.cancel()
