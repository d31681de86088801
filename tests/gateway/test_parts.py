"""The gateway's small pure parts."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_talk.audio.playout import ChunkTag

from ten_packages.extension.gateway_python.admission import LagWindow, Load, decide
from ten_packages.extension.gateway_python.client_port import PortTraits
from ten_packages.extension.gateway_python.client_rates import BURST_S, ClientRates
from ten_packages.extension.gateway_python.config import AdmissionConfig
from ten_packages.extension.gateway_python.graph_picture import BusyTime
from ten_packages.extension.gateway_python.history import HistoryLog
from ten_packages.extension.gateway_python.numbering import Numbering
from ten_packages.extension.gateway_python.outbox import Outbox, Outgoing
from ten_packages.extension.gateway_python.output import ReplyOutput
from ten_packages.extension.gateway_python.security import (
    host_accepted,
    origin_accepted,
    presented_tokens,
    token_accepted,
)
from ten_packages.extension.gateway_python.testing import tone

LIMITS = AdmissionConfig()


@pytest.mark.parametrize(
    ("load", "accepted", "words"),
    [
        (Load(0, 0, 0, 0), True, ""),
        (Load(3, 0, 60.0, 0), False, "loop"),
        (Load(0, 0, 60.0, 5000.0), True, ""),  # an empty server is never at capacity, whatever was measured before
        (Load(3, 0, 60.0, 900.0, away=3), True, ""),  # nor one whose clients have all gone
        (Load(3, 0, 60.0, 0, away=2), False, "loop"),
        (Load(3, 0, 1.0, 900.0), False, "engines"),
        (Load(256, 0, 1.0, 0), False, "places"),
        (Load(3, 8, 1.0, 0), False, "connected"),
        (Load(0, 0, 0, 0, draining=True), False, "shutting down"),
    ],
)
def test_admission_says_why(load, accepted, words):
    decision = decide(load, LIMITS)
    assert decision.accepted is accepted and words in decision.reason
    assert accepted or decision.retry_after_ms > 0


def test_one_late_moment_does_not_close_the_doors():
    window = LagWindow()
    for lag_ms in [1.0] * 19 + [300.0]:
        window.add(lag_ms)
    window.add(1.0)
    assert window.p95_ms <= 300.0
    for _ in range(20):
        window.add(2.0)
    assert window.p95_ms == 2.0


def test_tokens_are_found_where_clients_put_them():
    headers = {"authorization": "Bearer abc"}
    found = presented_tokens(
        headers, "x=1&token=d%20e", ["stream-talk.v1", "stream-talk.token.f", "openai-insecure-api-key.g"]
    )
    assert found == ["abc", "d e", "f", "g"]
    assert token_accepted("f", found) and not token_accepted("h", found) and token_accepted("", [])


@pytest.mark.parametrize(
    ("origin", "host", "accepted"),
    [
        (None, "h", True),
        ("http://localhost:8000", "localhost:8000", True),
        ("https://LOCALHOST:8000", "localhost:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("null", "localhost", False),
        ("file://", "localhost", False),
        ("http://localhost:8000@evil.example", "localhost:8000", False),
    ],
)
def test_origins(origin, host, accepted):
    assert origin_accepted(origin, host, []) is accepted


def test_hosts():
    assert host_accepted("127.0.0.1:8000", is_exposed=False) and host_accepted("[::1]:8000", is_exposed=False)
    assert not host_accepted("evil.example:8000", is_exposed=False)
    assert host_accepted("my-machine.local", is_exposed=True)


def test_history_keeps_what_was_heard():
    log = HistoryLog()
    log.follow({"type": "user_text", "turn_id": 1, "text": "what", "final": False})
    log.follow({"type": "user_text", "turn_id": 1, "text": "what time is it", "final": True})
    log.follow({"type": "assistant_text", "turn_id": 1, "text": "It is half past four", "final": True})
    log.follow({"type": "heard", "turn_id": 1, "heard_text": "It is half past four"})
    log.follow({"type": "heard", "turn_id": 1, "heard_text": "It is"})
    log.follow({"type": "heard", "turn_id": 2, "heard_text": ""})
    assert log.messages() == [{"role": "user", "content": "what time is it"}, {"role": "assistant", "content": "It is"}]
    log.clear()
    assert log.messages() == []


@given(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=5), min_size=1, max_size=4))
def test_numbers_never_come_back_over_any_number_of_graphs(graphs):
    numbers, seen = Numbering(), []
    for index, generations in enumerate(graphs):
        if index:
            numbers.begin_graph()
        for generation in sorted(generations):
            tag = numbers.tag_for_client(ChunkTag("r", generation, generation))
            numbers.reply_started(tag.generation, tag.turn_id, tag.request_id)
            seen.append((index, tag.generation))
            report = {"generation": tag.generation, "played_ms": 1, "buffered_ms": 0, "state": "playing"}
            assert numbers.report_for_graph(report)["generation"] == generation
    for (graph_a, a), (graph_b, b) in itertools.pairwise(seen):
        assert b >= a if graph_a == graph_b else b > a


def test_a_report_on_a_reply_of_a_graph_that_is_gone_reaches_nobody():
    numbers = Numbering()
    numbers.reply_started(1, 1, "r1")
    numbers.begin_graph()
    assert numbers.report_for_graph({"generation": 1, "played_ms": 0, "buffered_ms": 0, "state": "playing"}) is None


def test_busy_time_adds_up_per_node():
    busy = BusyTime()
    busy.add({"spans": [{"node": "llm", "start_ms": 0, "end_ms": 40}, {"node": "llm", "start_ms": 50, "end_ms": 60}]})
    busy.add({})
    assert busy.of("llm") == 50.0 and busy.of("tts") == 0.0


# --- outbox ---


def test_the_outbox_is_bounded_prunable_and_drains_on_close():
    async def main() -> None:
        overflows, written = [], []
        box = Outbox(100, lambda: overflows.append(1))
        box.put(Outgoing(b"x" * 40, generation=1))
        box.put(Outgoing("text"))
        box.put(Outgoing(b"y" * 40, generation=2))
        box.drop_sound(1)
        assert box.queued_bytes == 44 and not overflows

        async def write(payload: str | bytes) -> None:
            written.append(payload)

        box.close()
        await box.run(write)
        assert written == ["text", b"y" * 40] and box.queued_bytes == 0
        full = Outbox(100, lambda: overflows.append(1))
        full.put(Outgoing(b"z" * 101))
        assert overflows == [1] and full.queued_bytes == 0

    asyncio.run(main())


def test_nothing_overtakes_what_waits():
    async def main() -> None:
        written, room = [], [True]

        def write_now(payload: str | bytes) -> bool:
            if room[0]:
                written.append(payload)
            return room[0]

        async def write(payload: str | bytes) -> None:
            await asyncio.sleep(0)
            written.append(payload)

        box = Outbox(1000, lambda: None, write_now)
        box.put(Outgoing("1"))
        room[0] = False
        box.put(Outgoing("2"))
        writer = asyncio.create_task(box.run(write))
        await asyncio.sleep(0)
        room[0] = True
        box.put(Outgoing("3"))
        box.close()
        await writer
        assert written == ["1", "2", "3"]

    asyncio.run(main())


# --- output ---


def _output(**traits) -> tuple[ReplyOutput, list]:
    ended: list = []
    return ReplyOutput(PortTraits("test", **traits), lambda *fields: ended.append(fields)), ended


def test_a_reply_is_released_by_the_clock():
    output, ended = _output(lead_ms=100)
    output.push(tone(300).tobytes(), 24_000, ChunkTag("r", 1))
    output.end_request("r")
    assert [f.position for f in output.due(0.0)] == [0, 480, 960, 1440, 1920]
    assert output.due(10.0) == [] and output.next_due_ms() == 20.0
    assert len(output.due(40.0)) == 2
    output.settle(40.0)
    assert not ended
    assert len(output.due(200.0)) == 5, "after an underrun the lead is built up again"
    assert len(output.due(260.0)) == 3
    output.settle(260.0)
    assert ended == [("r", 1, 0, 300.0, "finished")]


def test_a_pause_stops_the_clock_of_the_reply():
    output, _ = _output(lead_ms=40)
    output.push(tone(500).tobytes(), 24_000, ChunkTag("r", 1))
    assert len(output.due(0.0)) == 2
    output.control("pause", 1, {}, 10.0)
    assert output.due(5000.0) == [] and output.next_due_ms() is None
    output.control("resume", 1, {}, 5000.0)
    assert output.due(5000.0) == [] and len(output.due(5010.0)) == 1


def test_a_client_that_cannot_report_is_reported_for():
    output, _ = _output(lead_ms=100, reports_playout=False)
    output.push(tone(200).tobytes(), 24_000, ChunkTag("r", 1))
    output.end_request("r")
    now_ms, seen = 0.0, []
    while now_ms < 400:
        output.due(now_ms)
        output.settle(now_ms)
        seen += [(now_ms, r["state"], r["played_ms"]) for r in output.take_reports(now_ms)]
        now_ms += 10
    assert [state for _, state, _ in seen] == ["started", "playing", "playing", "finished"] or seen[-1][1] == "finished"
    for at_ms, _state, played_ms in seen:
        assert played_ms <= at_ms, "never more than time allows"
    assert seen[-1][2] == 200


@given(st.integers(0, 400))
def test_a_cut_takes_back_what_was_sent_ahead_but_not_heard(cut_at_ms):
    output, ended = _output(lead_ms=100, reports_playout=False)
    output.push(tone(1000).tobytes(), 24_000, ChunkTag("r", 1))
    for now_ms in range(0, cut_at_ms, 10):
        output.due(float(now_ms))
    output.cut(1, float(cut_at_ms))
    reports = output.take_reports(float(cut_at_ms))
    assert all(r["played_ms"] <= cut_at_ms + 20 for r in reports)
    assert output.due(float(cut_at_ms)) == [] and output.is_idle
    assert not output.push(b"\0\0", 24_000, ChunkTag("r", 1)), "a cut is final"
    assert len(ended) == (1 if cut_at_ms else 0)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=20), st.sampled_from([8000, 16_000, 22_050, 44_100]))
def test_resampling_gives_the_right_number_of_samples_whatever_the_chunks(sizes, rate_hz):
    output, _ = _output(lead_ms=100_000)
    for size in sizes:
        output.push(bytes(2 * size), rate_hz, ChunkTag("r", 1))
    output.end_request("r")
    assert sum(f.samples for f in output.due(0.0)) == pytest.approx(sum(sizes) * 24_000 / rate_hz, abs=1)


def test_an_address_that_asks_too_fast_is_held_back_and_no_other() -> None:
    rates = ClientRates(10.0)
    asked = [rates.admits("10.0.0.1", 0.0) for _ in range(int(10 * BURST_S) + 5)]
    assert asked.count(True) == 10 * BURST_S and not asked[-1]
    assert rates.admits("10.0.0.2", 0.0)
    assert rates.admits("10.0.0.1", 200.0) and rates.admits("10.0.0.1", 200.0)
    assert not rates.admits("10.0.0.1", 200.0)


def test_addresses_without_number_do_not_fill_the_memory() -> None:
    rates = ClientRates(1.0)
    for number in range(10_000):
        assert rates.admits(f"address {number}", 0.0)
    assert len(rates._clients) < 5_000
