import random
import threading
from pathlib import Path

import pytest
from stream_talk.memory import outbox
from stream_talk.memory.conversations import Entry, Event, append_turn
from stream_talk.memory.database import open_database
from stream_talk.memory.dispatcher import Dispatcher, DispatcherSettings, DispatcherThread, SinkAway
from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.memory.outbox import PendingEvent, RetryPolicy


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def connection(path: Path):
    connection = open_database(path)
    yield connection
    connection.close()


def tell(connection, session: str, turn: int, kind: str = "ltm.turn") -> None:
    append_turn(
        connection, session, turn, [Entry("user", "x", ts_ms=1)], [Event(kind, {"n": turn}, f"{session}#{turn}")]
    )


class ListSink:
    """Takes everything, unless told otherwise."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.buried: list[str] = []
        self.away = False
        self.refused: set[str] = set()

    def refuse(self, event: PendingEvent) -> str | None:
        return "poison" if event.idempotency_key in self.refused else None

    def deliver(self, events):
        if self.away:
            raise SinkAway("down")
        self.got += [event.idempotency_key for event in events]
        return [None] * len(events)

    def bury(self, events):
        self.buried += [event.idempotency_key for event in events]

    def close(self) -> None:
        pass


def test_events_leave_in_order_and_once(connection, path):
    for turn in range(5):
        tell(connection, "a", turn)
    sink = ListSink()
    dispatcher = Dispatcher(path, sink, DispatcherSettings(batch=2))
    while dispatcher.step():
        pass
    assert sink.got == [f"a#{turn}" for turn in range(5)]
    assert outbox.statistics(connection) == {"pending": 0, "delivered": 5, "dead": 0}
    dispatcher.close()


def test_a_sink_that_is_away_costs_nothing_and_loses_nothing(connection, path):
    tell(connection, "a", 0)
    sink = ListSink()
    sink.away = True
    dispatcher = Dispatcher(path, sink, DispatcherSettings())
    for _ in range(50):
        with pytest.raises(SinkAway):
            dispatcher.step()
    sink.away = False
    assert dispatcher.step() == 1
    assert sink.got == ["a#0"]
    assert connection.execute("SELECT attempts FROM outbox_events").fetchone()[0] == 0
    dispatcher.close()


def test_a_refused_event_holds_its_session_back_and_no_other(connection, path):
    for turn in range(2):
        tell(connection, "a", turn)
        tell(connection, "b", turn)
    sink = ListSink()
    sink.refused = {"a#0"}
    dispatcher = Dispatcher(path, sink, DispatcherSettings())
    dispatcher.step()
    assert sink.got == ["b#0", "b#1"]
    assert dispatcher.step() == 0, "a#1 must wait for a#0, which waits for its next attempt"
    dispatcher.close()


def test_an_event_refused_too_often_is_set_aside_and_its_session_goes_on(connection, path):
    for turn in range(2):
        tell(connection, "a", turn)
    sink = ListSink()
    sink.refused = {"a#0"}
    policy = RetryPolicy(base_ms=0, longest_ms=0, attempts_before_dead=3)
    dispatcher = Dispatcher(path, sink, DispatcherSettings(retry=policy))
    for _ in range(4):
        dispatcher.step()
    assert sink.buried == ["a#0"]
    assert sink.got == ["a#1"]
    assert outbox.statistics(connection) == {"pending": 0, "delivered": 1, "dead": 1}
    dispatcher.close()


def test_a_sink_that_goes_away_at_the_burial_gets_the_dead_later(connection, path):
    tell(connection, "a", 0)

    class Undertaker(ListSink):
        def bury(self, events):
            if self.away:
                raise SinkAway("down")
            super().bury(events)

        def deliver(self, events):
            return [None] * len(events)

    sink = Undertaker()
    sink.refused, sink.away = {"a#0"}, True
    policy = RetryPolicy(base_ms=0, longest_ms=0, attempts_before_dead=1)
    dispatcher = Dispatcher(path, sink, DispatcherSettings(retry=policy))
    with pytest.raises(SinkAway):
        dispatcher.step()
    assert outbox.statistics(connection)["pending"] == 1
    sink.away = False
    dispatcher.step()
    assert sink.buried == ["a#0"] and outbox.statistics(connection)["dead"] == 1
    dispatcher.close()


def test_whatever_a_sink_throws_the_thread_goes_on(connection, path):
    tell(connection, "a", 0)
    arrived = threading.Event()

    class Moody(ListSink):
        failures = 2

        def deliver(self, events):
            if self.failures:
                self.failures -= 1
                raise UnicodeError("surprise")
            arrived.set()
            return super().deliver(events)

    sink, said = Moody(), []
    settings = DispatcherSettings(flush_interval_ms=10, lease_ms=20, retry=RetryPolicy(base_ms=5, longest_ms=10))
    thread = DispatcherThread(Dispatcher(path, sink, settings), settings, report=said.append)
    thread.start()
    assert arrived.wait(20)
    thread.stop()
    assert sink.got == ["a#0"]
    assert said == ["Events wait in the outbox: surprise", "Events are delivered again."]


def test_a_payload_that_is_no_json_is_the_readers_trouble_not_the_dispatchers(connection, path):
    tell(connection, "a", 0)
    tell(connection, "b", 0)
    connection.execute("UPDATE outbox_events SET payload = '{torn' WHERE session_id = 'a'")
    sink = ListSink()
    dispatcher = Dispatcher(path, sink, DispatcherSettings())
    assert dispatcher.step() == 2 and sink.got == ["a#0", "b#0"]
    dispatcher.close()


def test_a_memory_file_that_comes_back_is_used_again(path):
    path.write_bytes(b"junk" * 1_000)
    sink = ListSink()
    dispatcher = Dispatcher(path, sink, DispatcherSettings())
    with pytest.raises(MemoryUnavailable):
        dispatcher.step()
    path.unlink()
    connection = open_database(path)
    tell(connection, "a", 0)
    connection.close()
    assert dispatcher.step() == 1
    dispatcher.close()


def test_two_dispatchers_share_the_table_without_sending_twice(connection, path):
    for turn in range(4):
        tell(connection, f"s{turn}", 0)
    first = outbox.lease(connection, "one", limit=2, now_ms=1_000, lease_ms=100)
    second = outbox.lease(connection, "two", limit=10, now_ms=1_000, lease_ms=100)
    assert {e.id for e in first}.isdisjoint(e.id for e in second)
    assert len(first) + len(second) == 4


def test_while_an_event_is_leased_the_next_of_its_session_waits(connection):
    for turn in range(2):
        tell(connection, "a", turn)
    assert len(outbox.lease(connection, "one", limit=1, now_ms=1_000, lease_ms=100)) == 1
    assert outbox.lease(connection, "two", limit=10, now_ms=1_000, lease_ms=100) == []


def test_an_expired_lease_is_taken_over_and_its_old_holder_has_no_say(connection):
    tell(connection, "a", 0)
    [event] = outbox.lease(connection, "dead", limit=1, now_ms=1_000, lease_ms=100)
    [again] = outbox.lease(connection, "live", limit=1, now_ms=1_200, lease_ms=100)
    assert again.id == event.id
    outbox.mark_delivered(connection, "dead", [event.id], 1_300)
    assert outbox.statistics(connection)["pending"] == 1
    outbox.mark_delivered(connection, "live", [event.id], 1_300)
    assert outbox.statistics(connection)["pending"] == 0


def test_retries_wait_longer_each_time_with_jitter_and_a_ceiling():
    policy, rng = RetryPolicy(base_ms=100, longest_ms=5_000), random.Random(1)
    early = [policy.delay_ms(1, rng) for _ in range(200)]
    late = [policy.delay_ms(15, rng) for _ in range(200)]
    assert max(early) <= 200 < max(late) <= 5_000
    assert len(set(late)) > 100


def test_the_wire_shape_is_as_documented(connection):
    tell(connection, "a", 7)
    [event] = outbox.lease(connection, "one", limit=1, now_ms=1_000, lease_ms=100)
    assert event.fields() == {
        "correlationId": "a#7",
        "sessionId": "a",
        "turn": "7",
        "type": "ltm.turn",
        "payload": '{"n": 7}',
        "ts": "1",
        "idempotencyKey": "a#7",
    }
