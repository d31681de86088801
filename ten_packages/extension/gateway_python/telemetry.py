"""Turns as OpenTelemetry traces, when an endpoint is configured and the exporter is installed.

A span says how long a stage took and nothing of what was said.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, Protocol

logger = logging.getLogger("stream_talk.gateway")
NS_PER_MS = 1_000_000
ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class TurnTracer(Protocol):
    def record(self, correlation_id: str, trace: Mapping[str, Any]) -> None:
        """`trace` is that of the `turn` message (docs/messages.md)."""

    def shutdown(self) -> None:
        """Send what is waiting."""


class NoTracer:
    def record(self, correlation_id: str, trace: Mapping[str, Any]) -> None:
        return

    def shutdown(self) -> None:
        return


class OtelTracer:
    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("stream_talk")

    def record(self, correlation_id: str, trace: Mapping[str, Any]) -> None:
        from opentelemetry.trace import set_span_in_context

        spans, epoch_ms = trace.get("spans") or [], float(trace.get("epoch_ms") or 0)
        if not spans:
            return

        def at(offset_ms: Any) -> int:
            return int((epoch_ms + float(offset_ms)) * NS_PER_MS)

        begin, end = min(s["start_ms"] for s in spans), max(s["end_ms"] for s in spans)
        attributes = {"stream_talk.correlation_id": correlation_id}
        attributes.update(
            {f"stream_talk.{key}": trace[key] for key in ("ttfa_ms", "endpoint_ms") if _is_number(trace.get(key))}
        )
        turn = self._tracer.start_span("turn", start_time=at(begin), attributes=attributes)
        inside = set_span_in_context(turn)
        for span in spans:
            stage = self._tracer.start_span(
                str(span["name"]),
                context=inside,
                start_time=at(span["start_ms"]),
                attributes={"stream_talk.node": str(span.get("node", ""))},
            )
            stage.end(at(span["end_ms"]))
        turn.end(at(end))

    def shutdown(self) -> None:
        self._provider.shutdown()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def configure_telemetry(endpoint: str) -> TurnTracer:
    """A tracer for `endpoint`, or for what the OTEL_* variables say; a silent one when nothing is configured."""
    if not endpoint and not any(os.environ.get(name) for name in ENDPOINT_VARIABLES):
        return NoTracer()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        logger.warning("traces are configured but cannot be sent: run `pip install stream-talk[telemetry]`")
        return NoTracer()
    exporter = OTLPSpanExporter(endpoint=endpoint) if endpoint else OTLPSpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "stream-talk"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtelTracer(provider)
