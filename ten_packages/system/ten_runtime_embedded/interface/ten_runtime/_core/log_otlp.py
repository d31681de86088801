"""Log records to an OpenTelemetry collector: OTLP over HTTP, as JSON. A thread sends them; who logs never waits for it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import Any, Final

from .log_format import Record

QUEUE_LIMIT: Final = 4096
BATCH_LIMIT: Final = 512
GATHER_S: Final = 0.5  # a batch waits so long for company
REQUEST_TIMEOUT_S: Final = 5.0
CLOSE_LIMIT_S: Final = 2.0
_SEVERITIES: Final = {1: (5, "DEBUG"), 2: (9, "INFO"), 3: (13, "WARN"), 4: (17, "ERROR")}
_GRPC_PORT: Final = 4317


def why_not(config: Mapping[str, Any]) -> str | None:
    """What keeps a handler from being used; TEN's own runtime speaks OTLP over gRPC too."""
    endpoint = config.get("endpoint")
    if not isinstance(endpoint, str) or not endpoint.startswith(("http://", "https://")):
        return "config.endpoint must be an http(s) URL"
    if config.get("protocol", "http") != "http" or _port(endpoint) == _GRPC_PORT:
        return "this runtime speaks OTLP over HTTP only; name the collector's HTTP port, usually 4318"
    return None


def _port(endpoint: str) -> int | None:
    from urllib.parse import urlsplit

    try:
        return urlsplit(endpoint).port
    except ValueError:
        return None


class OtlpEmitter:
    def __init__(self, config: Mapping[str, Any]) -> None:
        endpoint = str(config["endpoint"]).rstrip("/")
        self._url = endpoint if endpoint.endswith("/v1/logs") else f"{endpoint}/v1/logs"
        headers = config.get("headers")
        self._headers = {str(key): str(value) for key, value in headers.items()} if isinstance(headers, Mapping) else {}
        self._service = str(config.get("service_name") or os.environ.get("OTEL_SERVICE_NAME") or "ten-app")
        self._changed = threading.Condition()
        self._queue: list[Record] = []
        self._lost = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="OtlpLogs", daemon=True)
        self._thread.start()

    def put(self, record: Record) -> None:
        with self._changed:
            if len(self._queue) >= QUEUE_LIMIT:
                self._lost += 1
                return
            self._queue.append(record)
            if len(self._queue) in (1, BATCH_LIMIT):
                self._changed.notify()

    def reopen(self) -> None:
        """There is nothing to reopen: each batch is a request of its own."""

    def close(self) -> None:
        """Send what waits, for a limited time."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_LIMIT_S)

    def _run(self) -> None:
        while True:
            batch, lost = self._next_batch()
            if not batch:
                return
            if not self._send(batch, lost):
                with self._changed:
                    self._lost += lost + len(batch)

    def _next_batch(self) -> tuple[list[Record], int]:
        """Empty when the emitter is closed and everything is sent."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            self._changed.wait_for(lambda: len(self._queue) >= BATCH_LIMIT or self._closing, GATHER_S)
            batch = self._queue[:BATCH_LIMIT]
            del self._queue[:BATCH_LIMIT]
            lost, self._lost = self._lost, 0
            return batch, lost

    def _send(self, batch: list[Record], lost: int) -> bool:
        from urllib.request import Request, urlopen

        headers = {"Content-Type": "application/json", **self._headers}
        try:
            request = Request(self._url, json.dumps(self._body(batch, lost)).encode(), headers, method="POST")
            with urlopen(request, timeout=REQUEST_TIMEOUT_S):
                return True
        except (OSError, ValueError):  # URLError and HTTPError are OSErrors
            return False

    def _body(self, batch: list[Record], lost: int) -> dict[str, Any]:
        resource = {"attributes": [_attribute("service.name", self._service), _attribute("process.pid", os.getpid())]}
        records = [_log_record(record) for record in batch]
        scope: dict[str, Any] = {"scope": {"name": "ten_runtime"}, "logRecords": records}
        if lost:
            scope["scope"]["attributes"] = [_attribute("lost_records", lost)]
        return {"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}


def _log_record(record: Record) -> dict[str, Any]:
    number, text = _SEVERITIES.get(record.level, (0, "UNSPECIFIED"))
    attributes = {
        **(record.fields or {}),
        "category": record.category or "",
        "code.function": record.function,
        "code.filepath": record.file,
        "code.lineno": record.line,
        "thread.id": record.thread_id,
    }
    return {
        "timeUnixNano": str(int(record.time_s * 1e9)),
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": record.message},
        "attributes": [_attribute(key, value) for key, value in attributes.items()],
    }


def _attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        typed: dict[str, Any] = {"boolValue": value}
    elif isinstance(value, int):
        typed = {"intValue": str(value)}
    elif isinstance(value, float):
        typed = {"doubleValue": value}
    else:
        typed = {"stringValue": value if isinstance(value, str) else json.dumps(value, default=str)}
    return {"key": str(key), "value": typed}
