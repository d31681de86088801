"""What memory and events cost a conversation, with Redis there, halted, full and gone."""

from __future__ import annotations

import importlib.util
import signal
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from stream_talk.trace.percentiles import summary

from bench.conversation.measures import WARM_TURNS, Talk
from bench.conversation.paced import Timetable
from bench.conversation.runtime import BenchRuntime
from bench.redis_server import RedisServer, missing, redis_server


async def events(runtime: BenchRuntime, *, turns: int, vad: str) -> dict[str, Any]:
    if (reason := missing()) is not None:
        return {"left_out": reason}
    if importlib.util.find_spec("redis") is None:
        return {"left_out": "the Python client of Redis is not installed (pip install 'stream-talk[redis]')"}
    report: dict[str, Any] = {}
    alone = Talk(Timetable(word_ms=25.0), vad=vad)
    await alone.start(runtime)
    report["no memory, no events"] = await _overhead(alone, turns + WARM_TURNS)
    await alone.stop(runtime)
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as server:
        path = Path(name) / "memory.db"
        talk = Talk(Timetable(word_ms=25.0), vad=vad, memory={"path": str(path), "redis_url": server.url})
        await talk.start(runtime)
        await _overhead(talk, WARM_TURNS)
        for state, bring_about in _STATES.items():
            bring_about(server)
            report[state] = await _overhead(talk, turns)
        await talk.stop(runtime)
        report["waiting_events"] = _waiting(path)
    return report


async def _overhead(talk: Talk, turns: int) -> dict[str, Any]:
    before = len(talk.overheads_ms())
    await talk.person.converse(turns)
    return summary(talk.overheads_ms()[before:])


def _there(server: RedisServer) -> None:
    pass


def _halted(server: RedisServer) -> None:
    server.process.send_signal(signal.SIGSTOP)


def _full(server: RedisServer) -> None:
    import redis  # an extra: the other rows do without

    server.process.send_signal(signal.SIGCONT)
    client = redis.Redis.from_url(server.url)
    client.config_set("maxmemory", "1")
    client.close()


def _gone(server: RedisServer) -> None:
    server.process.kill()


_STATES = {
    "redis there": _there,
    "redis takes connections and answers nothing": _halted,
    "redis full": _full,
    "redis gone": _gone,
}


def _waiting(path: Path) -> int:
    """Events that are kept until Redis comes back."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM outbox_events WHERE delivered_at IS NULL").fetchone()[0])
    finally:
        connection.close()
