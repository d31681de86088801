"""The outbox against a real Redis: crashes, outages, refusals."""

from __future__ import annotations

import importlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stream_talk.memory import outbox
from stream_talk.memory.conversations import Entry, Event, append_turn
from stream_talk.memory.database import open_database
from stream_talk.memory.dispatcher import Dispatcher, DispatcherSettings, DispatcherThread, SinkAway
from stream_talk.memory.outbox import RetryPolicy

sys.path.insert(0, str(Path(__file__).parent))
crash_run = importlib.import_module("crash_run").crash_run
RedisSink = importlib.import_module("ten_packages.extension.outbox_python.engine").RedisSink

pytestmark = pytest.mark.redis


def sink(url: str, *, max_event_bytes: int = 100_000):
    return RedisSink(url, max_stream_length=100_000, max_event_bytes=max_event_bytes)


def tell(path: Path, count: int, *, session: str = "s", payload: dict | None = None) -> None:
    connection = open_database(path)
    for turn in range(count):
        event = Event("analytics.turn", payload or {"ttfa_ms": turn}, f"{session}#{turn}/analytics")
        append_turn(connection, session, turn, [Entry("user", "x", ts_ms=turn)], [event])
    connection.close()


def wait_for(condition, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def pending(path: Path) -> int:
    connection = open_database(path)
    try:
        return outbox.statistics(connection)["pending"]
    finally:
        connection.close()


@pytest.mark.slow
def test_no_event_is_lost_and_no_effect_happens_twice_however_often_processes_are_killed(tmp_path, redis_server):
    report = crash_run(tmp_path, redis_server.url, dispatcher_kills=12, worker_kills=3, seed=1)
    assert report.events > 50
    assert report.delivered == report.events
    assert report.effects == report.events
    assert report.in_order


def test_redis_absent_at_start_and_back_later(tmp_path, redis_server):
    path = tmp_path / "memory.db"
    redis_server.stop()
    tell(path, 20)
    said: list[str] = []
    settings = DispatcherSettings(flush_interval_ms=10, retry=RetryPolicy(base_ms=10, longest_ms=50))
    thread = DispatcherThread(Dispatcher(path, sink(redis_server.url), settings), settings, report=said.append)
    thread.start()
    try:
        assert wait_for(lambda: said), "nobody was told that Redis is away"
        assert pending(path) == 20
        redis_server.start()
        assert wait_for(lambda: pending(path) == 0)
        assert redis_server.client().xlen("events.analytics") == 20
        assert len(said) == 2, said
    finally:
        thread.stop()


def test_a_full_redis_refuses_the_whole_batch_and_takes_it_later(tmp_path, redis_server):
    path = tmp_path / "memory.db"
    tell(path, 10)
    client = redis_server.client()
    client.config_set("maxmemory", "1")
    dispatcher = Dispatcher(path, sink(redis_server.url), DispatcherSettings())
    with pytest.raises(SinkAway, match="refuses everything"):
        dispatcher.step()
    assert pending(path) == 10
    client.config_set("maxmemory", "0")
    assert dispatcher.step() == 10
    assert client.xlen("events.analytics") == 10
    dispatcher.close()


def test_a_redis_that_stands_still_loses_nothing_and_takes_all_when_it_goes_on(tmp_path, redis_server):
    path = tmp_path / "memory.db"
    tell(path, 10)
    slow = RedisSink(redis_server.url, max_stream_length=1_000, max_event_bytes=100_000, timeout_s=0.3)
    dispatcher = Dispatcher(path, slow, DispatcherSettings())
    redis_server.halt()
    with pytest.raises(SinkAway, match="cannot be reached"):
        dispatcher.step()
    assert pending(path) == 10
    redis_server.go_on()
    assert dispatcher.step() == 10
    keys = [fields["idempotencyKey"] for _, fields in redis_server.client().xrange("events.analytics")]
    assert list(dict.fromkeys(keys)) == [f"s#{turn}/analytics" for turn in range(10)], "all, in order, maybe twice"
    dispatcher.close()


def test_a_stream_name_that_is_taken_by_something_else_is_an_outage(tmp_path, redis_server):
    path = tmp_path / "memory.db"
    tell(path, 2)
    client = redis_server.client()
    client.set("events.analytics", "not a stream")
    dispatcher = Dispatcher(path, sink(redis_server.url), DispatcherSettings())
    with pytest.raises(SinkAway, match="WRONGTYPE"):
        dispatcher.step()
    client.delete("events.analytics")
    assert dispatcher.step() == 2
    dispatcher.close()


def test_two_dispatchers_at_once_deliver_everything_once_and_in_order(tmp_path, redis_server):
    path = tmp_path / "memory.db"
    for session in "abcd":
        tell(path, 50, session=session)
    settings = DispatcherSettings(batch=7, flush_interval_ms=5)
    threads = [DispatcherThread(Dispatcher(path, sink(redis_server.url), settings), settings) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert wait_for(lambda: pending(path) == 0, 30)
    finally:
        for thread in threads:
            thread.stop()
    entries = [fields for _, fields in redis_server.client().xrange("events.analytics")]
    assert len(entries) == 200
    for session in "abcd":
        assert [int(f["turn"]) for f in entries if f["sessionId"] == session] == list(range(50))


def test_something_that_is_not_redis_is_an_outage_not_a_crash(tmp_path):
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(1_000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        path = tmp_path / "memory.db"
        tell(path, 1)
        dispatcher = Dispatcher(path, sink(f"redis://127.0.0.1:{server.getsockname()[1]}/0"), DispatcherSettings())
        with pytest.raises(SinkAway):
            dispatcher.step()
        assert pending(path) == 1
        dispatcher.close()


def test_a_poison_event_is_buried_and_the_others_arrive(tmp_path, redis_server):
    path = tmp_path / "memory.db"
    tell(path, 1, session="bad", payload={"blob": "x" * 5_000})
    tell(path, 3, session="good")
    settings = DispatcherSettings(retry=RetryPolicy(base_ms=0, longest_ms=0, attempts_before_dead=2))
    dispatcher = Dispatcher(path, sink(redis_server.url, max_event_bytes=2_000), settings)
    while dispatcher.step():
        pass
    client = redis_server.client()
    assert [fields["sessionId"] for _, fields in client.xrange("events.analytics")] == ["good"] * 3
    assert [fields["sessionId"] for _, fields in client.xrange("events.analytics.dead")] == ["bad"]
    dispatcher.close()


def worker(url: str, kind: str, store: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "stream_talk_cli.main", "worker", kind, "--redis", url, "--file", str(store), *more]


def deliver_all(path: Path, url: str) -> None:
    dispatcher = Dispatcher(path, sink(url), DispatcherSettings())
    while dispatcher.step():
        pass
    dispatcher.close()


def test_a_worker_reads_what_came_before_its_group_existed(tmp_path, redis_server):
    tell(tmp_path / "memory.db", 30)
    deliver_all(tmp_path / "memory.db", redis_server.url)
    store = tmp_path / "analytics.db"
    subprocess.run(worker(redis_server.url, "analytics", store, "--until-empty"), check=True, timeout=60)
    assert sqlite3.connect(store).execute("SELECT count(*), max(ttfa_ms) FROM turns").fetchone() == (30, 29.0)


def test_what_a_dead_worker_had_fetched_is_taken_over(tmp_path, redis_server):
    tell(tmp_path / "memory.db", 5)
    deliver_all(tmp_path / "memory.db", redis_server.url)
    client = redis_server.client()
    client.xgroup_create("events.analytics", "analytics-workers", id="0")
    client.xreadgroup("analytics-workers", "died", {"events.analytics": ">"}, count=3)
    store = tmp_path / "analytics.db"
    command = worker(redis_server.url, "analytics", store, "--until-empty", "--reclaim-after", "0")
    subprocess.run(command, check=True, timeout=60)
    assert sqlite3.connect(store).execute("SELECT count(*) FROM turns").fetchone() == (5,)
    assert client.xpending("events.analytics", "analytics-workers")["pending"] == 0


def test_a_heap_of_unreadable_events_does_not_hide_those_behind_it(tmp_path, redis_server):
    client = redis_server.client()
    for number in range(20):  # more than a worker reads at once
        client.xadd("events.analytics", {"nonsense": str(number)})
    tell(tmp_path / "memory.db", 3)
    deliver_all(tmp_path / "memory.db", redis_server.url)
    store = tmp_path / "analytics.db"
    subprocess.run(worker(redis_server.url, "analytics", store, "--until-empty"), check=True, timeout=60)
    assert sqlite3.connect(store).execute("SELECT count(*) FROM turns").fetchone() == (3,)
    assert client.xlen("events.analytics.dead") == 20


def test_an_unreadable_event_goes_to_the_dead_stream_and_the_worker_goes_on(tmp_path, redis_server):
    client = redis_server.client()
    client.xadd("events.ltm", {"nonsense": "1"})
    said = {"entries": [{"role": "user", "text": "My name is Ada."}]}
    import json

    client.xadd(
        "events.ltm",
        {
            "sessionId": "s",
            "turn": "0",
            "type": "ltm.turn",
            "payload": json.dumps(said),
            "ts": "1",
            "idempotencyKey": "k",
        },
    )
    store = tmp_path / "memory.db"
    subprocess.run(worker(redis_server.url, "ltm", store, "--until-empty"), check=True, timeout=60)
    assert client.xlen("events.ltm.dead") == 1
    assert sqlite3.connect(store).execute("SELECT text FROM items").fetchall() == [("The user's name is Ada.",)]


def test_an_event_that_no_worker_can_digest_is_set_aside_after_some_tries(tmp_path, redis_server):
    client = redis_server.client()
    shape = {"sessionId": "s", "turn": "0", "type": "ltm.turn", "ts": "1"}
    client.xadd("events.ltm", {**shape, "payload": '{"entries": [{"no": "role"}]}', "idempotencyKey": "bad"})
    good = '{"entries": [{"role": "user", "text": "My name is Ada."}]}'
    client.xadd("events.ltm", {**shape, "payload": good, "idempotencyKey": "good"})
    store = tmp_path / "memory.db"
    command = worker(redis_server.url, "ltm", store, "--until-empty", "--reclaim-after", "0")
    subprocess.run(command, check=True, timeout=60)
    assert sqlite3.connect(store).execute("SELECT text FROM items").fetchall() == [("The user's name is Ada.",)]
    [(_, dead)] = client.xrange("events.ltm.dead")
    assert dead["idempotencyKey"] == "bad" and "KeyError" in dead["error"]
    assert client.xpending("events.ltm", "ltm-workers")["pending"] == 0


def test_a_wrong_redis_address_is_said(tmp_path):
    refused = subprocess.run(
        worker("not a url", "analytics", tmp_path / "a.db"), capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 1 and "redis://HOST:PORT/0" in refused.stderr and "Traceback" not in refused.stderr


def test_a_worker_stops_in_order_on_sigterm(redis_server, tmp_path):
    process = subprocess.Popen(
        worker(redis_server.url, "analytics", tmp_path / "a.db"), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while "reads events.analytics" not in process.stderr.readline():
        assert process.poll() is None
    process.terminate()
    assert process.wait(15) == 0
    assert "events done" in process.stderr.read()
