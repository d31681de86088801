"""Log records on their way to an OpenTelemetry collector: a server on the loopback stands for it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ten_runtime import AsyncExtension, Cmd, CmdResult, StatusCode
from ten_runtime._core import log_otlp
from ten_runtime._core.log import log_system, runtime_log


class Collector(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.requests: queue.Queue[tuple[str, dict[str, str], Any]] = queue.Queue()
        self.status = 200

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_scope(self) -> dict[str, Any]:
        _path, _headers, body = self.requests.get(timeout=10)
        scope: dict[str, Any] = body["resourceLogs"][0]["scopeLogs"][0]
        return scope


class _Answer(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.requests.put((self.path, dict(self.headers), json.loads(body)))

    def log_message(self, format: str, *args: Any) -> None:
        """Not on the console."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    log_system.configure({"handlers": []})
    server.shutdown()
    server.server_close()
    thread.join()


def send_to(collector: Collector, level: str = "info", **config: Any) -> None:
    emitter = {"type": "otlp", "config": {"endpoint": collector.endpoint, **config}}
    log_system.configure({"handlers": [{"matchers": [{"level": level}], "emitter": emitter}]})


def attributes(record: dict[str, Any]) -> dict[str, Any]:
    return {item["key"]: next(iter(item["value"].values())) for item in record["attributes"]}


class Logging(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        async_ten_env.log_debug("quiet")
        async_ten_env.log_warn(
            "with fields", category="cat.sub", fields={"n": 1, "ok": True, "x": 0.5, "who": "我", "l": [1]}
        )
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def test_a_record_arrives_with_its_severity_fields_and_resource(stage: Any, collector: Collector) -> None:
    send_to(collector, service_name="small app", headers={"X-Key": "k"})

    async def script(env: Any, _tester: Any) -> None:
        await env.send_cmd(Cmd.create("x"))

    assert stage.play(Logging, script) is None
    path, headers, body = collector.requests.get(timeout=10)
    assert path == "/v1/logs" and headers["X-Key"] == "k" and headers["Content-Type"] == "application/json"
    (resource_logs,) = body["resourceLogs"]
    assert attributes(resource_logs["resource"])["service.name"] == "small app"
    (record,) = resource_logs["scopeLogs"][0]["logRecords"]
    assert (record["severityNumber"], record["severityText"]) == (13, "WARN")
    assert record["body"]["stringValue"].endswith("] with fields")
    found = attributes(record)
    assert found["category"] == "cat.sub" and found["code.function"] == "on_cmd"
    assert (found["n"], found["ok"], found["x"], found["who"], found["l"]) == ("1", True, 0.5, "我", "[1]")
    assert int(record["timeUnixNano"]) > 1_700_000_000 * 10**9


def test_records_that_could_not_be_sent_are_counted_in_the_next_batch(collector: Collector) -> None:
    send_to(collector)
    collector.status = 503
    runtime_log.info("refused")
    assert collector.next_scope()["logRecords"][0]["body"]["stringValue"] == "refused"
    collector.status = 200
    runtime_log.info("taken")
    scope = collector.next_scope()
    assert [record["body"]["stringValue"] for record in scope["logRecords"]] == ["taken"]
    assert attributes(scope["scope"]) == {"lost_records": "1"}


def test_who_logs_does_not_wait_and_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setattr(log_otlp, "QUEUE_LIMIT", 10)
    send_to(collector)
    for number in range(25):
        runtime_log.info(f"line {number}")
    scope = collector.next_scope()
    assert len(scope["logRecords"]) == 10
    assert attributes(scope["scope"]) == {"lost_records": "15"}


def test_what_waits_is_sent_when_the_handlers_change(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setattr(log_otlp, "GATHER_S", 60.0)
    send_to(collector)
    runtime_log.info("last words")
    log_system.configure({"handlers": []})
    assert collector.next_scope()["logRecords"][0]["body"]["stringValue"] == "last words"
