"""Simulated time for a whole app or test: timers and timeouts pass without waiting, the same way every time.

``TEN_VIRTUAL_CLOCK=1`` turns it on for every app and tester of the process; ``App.set_virtual_clock`` and
``AsyncExtensionTester.set_virtual_clock`` decide for one. On such a loop, ``loop.time()`` is simulated, and

* ``loop.epoch_time()`` is simulated seconds since 1970,
* ``loop.hold_time()`` / ``loop.release_time()`` stop time while something outside the loop really works.
"""

from __future__ import annotations

import os

from ._core.virtual_loop import EPOCH_START_S, START_S, VirtualClockLoop

__all__ = ["EPOCH_START_S", "START_S", "VirtualClockLoop", "is_wanted"]

_OFF = ("", "0", "false", "no", "off")


def is_wanted() -> bool:
    return os.environ.get("TEN_VIRTUAL_CLOCK", "").strip().lower() not in _OFF
