"""A turn's trace as OpenTelemetry spans, with a provider that only remembers."""

from __future__ import annotations

from typing import Any

import pytest

from ten_packages.extension.gateway_python.telemetry import (
    ENDPOINT_VARIABLES,
    NoTracer,
    OtelTracer,
    configure_telemetry,
)

pytest.importorskip("opentelemetry.trace")


class Span:
    def __init__(self, name: str, **fields: Any) -> None:
        self.name, self.fields, self.end_time = name, fields, 0

    def end(self, end_time: int) -> None:
        self.end_time = end_time


class Provider:
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def get_tracer(self, _name: str) -> Provider:
        return self

    def start_span(self, name: str, **fields: Any) -> Span:
        self.spans.append(Span(name, **fields))
        return self.spans[-1]


def test_a_turn_is_one_span_with_its_stages_inside():
    provider = Provider()
    spans = [
        {"name": "endpoint", "node": "main_control", "start_ms": 0, "end_ms": 250},
        {"name": "llm", "node": "llm", "start_ms": 200, "end_ms": 400.5},
    ]
    trace = {"spans": spans, "epoch_ms": 1_700_000_000_000, "ttfa_ms": 430, "text": "never sent"}
    OtelTracer(provider).record("s#3", trace)
    turn, endpoint, llm = provider.spans
    assert turn.fields["attributes"] == {"stream_talk.correlation_id": "s#3", "stream_talk.ttfa_ms": 430}
    assert llm.fields["start_time"] - turn.fields["start_time"] == 200_000_000
    assert turn.end_time == llm.end_time == int((1_700_000_000_000 + 400.5) * 1_000_000)
    assert endpoint.fields["attributes"] == {"stream_talk.node": "main_control"}


def test_nothing_is_sent_unless_it_is_configured(monkeypatch):
    for name in ENDPOINT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert isinstance(configure_telemetry(""), NoTracer)
