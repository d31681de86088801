from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.engines.deadline_queue import Deadline, DeadlineQueue, QueueFull


def drain(queue: DeadlineQueue[str]) -> list[str]:
    items = []
    while len(queue):
        item = queue.get()
        assert item is not None
        items.append(item)
    return items


def test_most_urgent_first_and_fair_among_equals() -> None:
    queue: DeadlineQueue[str] = DeadlineQueue()
    for name, deadline in [("s", 3), ("p1", 2), ("n", 1), ("p2", 2), ("f", 0)]:
        queue.put(name, Deadline(deadline))
    assert drain(queue) == ["f", "n", "p1", "p2", "s"]


def test_a_lane_keeps_its_order_and_is_lifted_as_a_whole() -> None:
    queue: DeadlineQueue[str] = DeadlineQueue()
    queue.put("other", Deadline.PARTIAL)
    queue.put("feed", Deadline.PARTIAL, lane="a")
    queue.put("finish", Deadline.FIRST_CHUNK, lane="a")
    assert drain(queue) == ["feed", "finish", "other"]


@given(st.lists(st.tuples(st.sampled_from(list(Deadline)), st.sampled_from("abc")), max_size=40))
def test_order_within_a_lane_never_changes(jobs: list[tuple[Deadline, str]]) -> None:
    queue: DeadlineQueue[tuple[str, int]] = DeadlineQueue(limit=100)
    for i, (deadline, lane) in enumerate(jobs):
        queue.put((lane, i), deadline, lane)
    taken = [queue.get() for _ in jobs]
    for lane in "abc":
        numbers = [item[1] for item in taken if item is not None and item[0] == lane]
        assert numbers == sorted(numbers)


def test_a_full_queue_puts_aside_what_is_less_urgent_or_refuses() -> None:
    queue: DeadlineQueue[str] = DeadlineQueue(limit=2)
    queue.put("draft", Deadline.SPECULATION)
    queue.put("partial", Deadline.PARTIAL)
    assert queue.put("urgent", Deadline.FIRST_CHUNK) == "draft"
    with pytest.raises(QueueFull):
        queue.put("another", Deadline.PARTIAL)
    assert (queue.stats.evicted, queue.stats.refused, queue.stats.max_depth) == (1, 1, 2)
    assert drain(queue) == ["urgent", "partial"]


def test_queued_work_can_be_taken_back() -> None:
    queue: DeadlineQueue[str] = DeadlineQueue()
    queue.put("a", Deadline.PARTIAL)
    queue.put("b", Deadline.PARTIAL)
    assert queue.discard(lambda item: item == "a") == ["a"]
    assert drain(queue) == ["b"] and queue.stats.discarded == 1


def test_get_waits_for_a_time_and_ends_at_close() -> None:
    queue: DeadlineQueue[str] = DeadlineQueue()
    assert queue.get(timeout_ms=1) is None
    got: list[str | None] = []
    thread = threading.Thread(target=lambda: got.append(queue.get()))
    thread.start()
    queue.close()
    thread.join(5)
    assert got == [None] and queue.closed
