"""The thread that owns the memory file: loops hand work over and never touch a disk."""

import asyncio
import threading
from pathlib import Path

import pytest
from stream_talk.memory import service as service_module
from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.memory.service import SHARED, MemoryService


def test_all_work_is_done_by_one_thread_on_one_connection(tmp_path):
    service = MemoryService(tmp_path / "memory.db")

    async def ask() -> list[tuple[int, int]]:
        return await asyncio.gather(*(service.run(lambda c: (threading.get_ident(), id(c))) for _ in range(20)))

    seen = set(asyncio.run(ask()))
    service.close()
    assert len(seen) == 1 and seen.pop()[0] != threading.get_ident()


def test_a_disk_that_hangs_is_said_at_once_and_stops_no_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(service_module, "QUEUE_LIMIT", 2)
    service = MemoryService(tmp_path / "memory.db")
    hanging, going_on = threading.Event(), threading.Event()

    def hang(_connection: object) -> None:
        hanging.set()
        going_on.wait(20)

    first = service.submit(hang)
    assert hanging.wait(20)
    waiting = [service.submit(lambda c: "done") for _ in range(2)]
    with pytest.raises(MemoryUnavailable, match="too slowly"):
        service.submit(lambda c: None).result(0)
    assert service.statistics() == {"depth": 2, "high_water": 2, "refused": 1}
    going_on.set()
    first.result(20)
    assert [future.result(20) for future in waiting] == ["done", "done"]
    service.close()


def test_closing_finishes_what_is_queued(tmp_path):
    service = MemoryService(tmp_path / "memory.db")
    futures = [service.submit(lambda c: c.execute("SELECT 1").fetchone()[0]) for _ in range(50)]
    service.close()
    assert [future.result(0) for future in futures] == [1] * 50


def test_a_failure_belongs_to_whoever_asked_and_to_nobody_else(tmp_path):
    service = MemoryService(tmp_path / "memory.db")
    with pytest.raises(ZeroDivisionError):
        service.submit(lambda c: 1 // 0).result(20)
    assert service.submit(lambda c: 7).result(20) == 7
    service.close()


def test_sessions_share_one_service_per_file(tmp_path: Path):
    path = tmp_path / "memory.db"
    first, second = SHARED.acquire(path), SHARED.acquire(path)
    assert first is second
    SHARED.release(path)
    assert first.submit(lambda c: 1).result(20) == 1, "the other session still has it"
    SHARED.release(path)
    again = SHARED.acquire(path)
    assert again is not first
    SHARED.release(path)
