"""TEN's playground server, as answers to requests: channels that are started, kept alive, listed and stopped. No sockets, no clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PARAMS_INVALID = "10000"
WORKERS_LIMIT = "10001"
CHANNEL_NOT_EXISTED = "10002"
CHANNEL_EXISTED = "10003"
CHANNEL_EMPTY = "10004"
PROCESS_PROPERTY_FAILED = "10100"
START_WORKER_FAILED = "10101"

DEFAULT_TIMEOUT_S = 60
MAX_CHANNEL_CHARS = 100
DEFAULT_GRAPH_ALIASES = ("", "voice_assistant")
"""What TEN's examples ask for when they do not care."""


class Refusal(Exception):
    """An error in the envelope of the protocol; the HTTP status is 200 whatever happens, as in the original."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.envelope = {"code": code, "msg": message, "data": status}


def success(data: Any = None) -> dict[str, Any]:
    return {"code": "0", "msg": "success", "data": data}


@dataclass(slots=True)
class Channel:
    """`timeout_s` of None: never ends by itself."""

    name: str
    graph: str
    created_s: int
    timeout_s: float | None
    port: int | None = None


@dataclass(slots=True)
class Channels:
    """The book of running channels."""

    _by_name: dict[str, Channel] = field(default_factory=dict)

    def start(self, body: dict[str, Any], graphs: list[str], default_graph: str, now_s: int) -> Channel:
        name = channel_name(body)
        if name in self._by_name:
            raise Refusal(CHANNEL_EXISTED, "channel existed")
        graph = body.get("graph_name", "")
        if graph in DEFAULT_GRAPH_ALIASES and graph not in graphs:
            graph = default_graph
        if graph not in graphs:
            raise Refusal(START_WORKER_FAILED, f"graph {str(graph)[:100]!r} is not offered here", 500)
        port = _port(body.get("properties"))
        if port is not None and self.by_port(port) is not None:
            raise Refusal(START_WORKER_FAILED, f"port {port} is used by another channel", 500)
        channel = Channel(name, str(graph), now_s, _timeout_s(body.get("timeout")), port)
        self._by_name[name] = channel
        return channel

    def find(self, body: dict[str, Any]) -> Channel:
        channel = self._by_name.get(channel_name(body))
        if channel is None:
            raise Refusal(CHANNEL_NOT_EXISTED, "channel not existed")
        return channel

    def remove(self, channel: Channel) -> None:
        self._by_name.pop(channel.name, None)

    def by_port(self, port: int) -> Channel | None:
        return next((c for c in self._by_name.values() if c.port == port), None)

    def listed(self) -> list[dict[str, Any]]:
        return [{"channelName": c.name, "createTs": c.created_s} for c in self._by_name.values()]


def channel_name(body: dict[str, Any]) -> str:
    name = body.get("channel_name")
    if not isinstance(name, str):
        raise Refusal(PARAMS_INVALID, "params invalid")
    if not name.strip():
        raise Refusal(CHANNEL_EMPTY, "channel empty")
    if len(name) > MAX_CHANNEL_CHARS or name.startswith(".") or any(bad in name for bad in ("..", "/", "\\", "\0")):
        raise Refusal(PROCESS_PROPERTY_FAILED, "channel name is not allowed")
    return name


def _port(properties: Any) -> int | None:
    """The port that a playground page will ask its proxy for: here only a number that tells channels apart."""
    server = properties.get("websocket_server") if isinstance(properties, dict) else None
    port = server.get("port") if isinstance(server, dict) else None
    return port if isinstance(port, int) and not isinstance(port, bool) else None


def _timeout_s(value: Any) -> float | None:
    if value is None or value == 0:
        return DEFAULT_TIMEOUT_S
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refusal(PARAMS_INVALID, "timeout must be a number of seconds")
    return None if value < 0 else min(float(value), 86_400.0)
