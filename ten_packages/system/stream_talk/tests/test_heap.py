"""Full collections happen when the app says so, and young garbage goes as ever."""

from __future__ import annotations

import gc
import weakref

from stream_talk import heap


class Circle:
    def __init__(self) -> None:
        self.itself = self


def test_a_full_collection_waits_until_it_is_asked_for() -> None:
    before = gc.get_threshold()
    heap.settle()
    try:
        assert gc.get_freeze_count() > 0
        old = Circle()
        gc.collect(1)  # it survives the short ones, and is old from now on
        gone = weakref.ref(old)
        del old
        for _ in range(300_000):
            Circle()
        assert gone() is not None
        heap.tidy()
        assert gone() is None
    finally:
        heap.let_go()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
