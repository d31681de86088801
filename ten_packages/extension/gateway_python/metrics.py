"""What Prometheus sees. Each gateway has its own registry, so that two in one process (tests) do not share counters."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class GatewayMetrics:
    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.opened = Counter("stream_talk_sessions_opened", "Conversations begun", ["protocol"], registry=registry)
        self.closed = Counter("stream_talk_sessions_closed", "Conversations ended", ["reason"], registry=registry)
        self.refused = Counter("stream_talk_sessions_refused", "Conversations not begun", ["reason"], registry=registry)
        self.resumed = Counter("stream_talk_sessions_resumed", "Connections mended", registry=registry)
        self.slow_clients = Counter("stream_talk_slow_clients", "Clients that did not keep up", registry=registry)
        self.turns = Counter("stream_talk_turns", "Turns of ended conversations", registry=registry)
        self.bad_messages = Counter(
            "stream_talk_bad_messages", "Client messages that were refused", ["code"], registry=registry
        )
        self.sessions = Gauge("stream_talk_sessions", "Conversations now", registry=registry)
        self.tasks = Gauge(
            "stream_talk_tasks", "Tasks of the event loop; must not grow without sessions", registry=registry
        )
        self.graphs = Gauge("stream_talk_graphs", "Graphs that run in this process", registry=registry)
        self.loop_lag_ms = Gauge(
            "stream_talk_loop_lag_ms",
            "p95 lateness of the event loop; above 20 every voice stutters",
            registry=registry,
        )
        self.queue_ms = Gauge(
            "stream_talk_engine_queue_ms", "Wait for the busiest engine; above 400 replies are late", registry=registry
        )
        self.ttfa_ms = Histogram(
            "stream_talk_first_audio_ms",
            "Person's last sample to first sound of the reply, per turn",
            buckets=(100, 200, 300, 400, 500, 700, 1000, 1500, 2500, 5000),
            registry=registry,
        )

    def render(self) -> bytes:
        return generate_latest(self.registry)
