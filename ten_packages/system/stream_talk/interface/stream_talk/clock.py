"""The one source of time.

On the event loop, time is the loop's own: under the runtime's virtual clock it is simulated, otherwise it is the monotonic
clock. Nothing else in the kit, the extensions or the apps reads a clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def now_ms() -> float:
    """Monotonic milliseconds; comparable only with other values of this function."""
    loop = _running_loop()
    return (loop.time() if loop is not None else time.monotonic()) * 1000.0


def wall_ms() -> float:
    """Real monotonic milliseconds, even where the loop simulates time: for measuring real work (engines, threads, workers)."""
    return time.monotonic() * 1000.0


def epoch_ms() -> int:
    """Milliseconds since 1970, for records that outlive the process. Simulated when the loop's time is."""
    loop = _running_loop()
    epoch_s = getattr(loop, "epoch_time", None)
    return int((epoch_s() if epoch_s is not None else time.time()) * 1000.0)


async def sleep_ms(duration_ms: float) -> None:
    await asyncio.sleep(max(0.0, duration_ms) / 1000.0)


def call_later_ms(delay_ms: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
    """Call back once on the running loop; `cancel()` the handle to forget it."""
    return asyncio.get_running_loop().call_later(max(0.0, delay_ms) / 1000.0, callback)


def is_virtual() -> bool:
    """True when the running loop simulates time."""
    return hasattr(_running_loop(), "hold_time")


@contextlib.contextmanager
def real_work() -> Iterator[None]:
    """While this is open, simulated time stands still: something outside the loop (thread, process) is really working."""
    loop = _running_loop()
    hold = getattr(loop, "hold_time", None)
    if hold is None or loop is None:
        yield
        return
    hold()
    try:
        yield
    finally:
        loop.release_time()  # type: ignore[attr-defined]
