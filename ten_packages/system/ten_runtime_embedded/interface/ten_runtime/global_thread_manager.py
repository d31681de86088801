"""The process-wide thread of async extensions, under the name TEN knows it by."""

from __future__ import annotations

import asyncio

from ._core.loops import shared_loop


class GlobalThreadManager:
    """Every ``acquire_loop`` needs a ``release_loop``; the thread ends with the last one."""

    @staticmethod
    def acquire_loop() -> asyncio.AbstractEventLoop:
        return shared_loop.acquire().loop

    @staticmethod
    def release_loop() -> None:
        shared_loop.release()
