from __future__ import annotations

import pytest
from stream_talk.trace.percentiles import percentile, summary
from stream_talk.trace.spans import Trace


def test_percentiles() -> None:
    values = [4.0, 1.0, 3.0, 2.0]
    assert [percentile(values, p) for p in (0.0, 0.5, 1.0)] == [1.0, 2.5, 4.0]
    assert summary([]) == {"n": 0}
    assert summary(values)["p50"] == 2.5
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="between"):
        percentile(values, 1.5)


def test_spans_begin_end_and_are_sorted() -> None:
    trace = Trace()
    trace.begin("late", "tts", at_ms=30.0)
    trace.end("late", at_ms=50.0)
    trace.begin("early", "stt", at_ms=10.0)
    trace.end("early", at_ms=20.0)
    trace.mark("here", at_ms=15.0)
    trace.end("never begun")
    rows = trace.as_list(origin_ms=10.0)
    assert [(r["name"], r["start_ms"], r["end_ms"]) for r in rows] == [
        ("early", 0, 10),
        ("here", 5, 5),
        ("late", 20, 40),
    ]
    assert trace.between_ms("early", "late") == 20.0
    assert trace.between_ms("early", "missing") is None


def test_a_trace_is_bounded() -> None:
    trace = Trace()
    for _ in range(1000):
        trace.mark("x")
    assert len(trace.spans) == 500 and trace.dropped == 500


def test_a_span_ends_when_its_block_fails() -> None:
    trace = Trace()
    with pytest.raises(KeyError), trace.span("work", "llm"):
        raise KeyError
    span = trace.first("work")
    assert span is not None and span.node == "llm" and span.wall_end_ms >= span.wall_start_ms
