"""What memory and events cost a conversation, with Redis there, halted, full, gone, and gone for a while."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from stream_talk.trace.percentiles import summary

from bench.conversation.measures import WARM_TURNS, Talk
from bench.conversation.paced import Timetable
from bench.conversation.runtime import BenchRuntime
from bench.redis_server import RedisServer, missing, redis_server


def _left_out() -> str | None:
    if (reason := missing()) is not None:
        return reason
    if importlib.util.find_spec("redis") is None:
        return "the Python client of Redis is not installed (pip install 'stream-talk[redis]')"
    return None


async def events(runtime: BenchRuntime, *, turns: int, vad: str) -> dict[str, Any]:
    if (reason := _left_out()) is not None:
        return {"left_out": reason}
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


async def outage(runtime: BenchRuntime, *, seconds: float, turns: int, vad: str) -> dict[str, Any]:
    """Redis dies in the middle of a conversation and comes back later."""
    if (reason := _left_out()) is not None:
        return {"left_out": reason}
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as server:
        path = Path(name) / "memory.db"
        talk = Talk(Timetable(word_ms=25.0), vad=vad, memory={"path": str(path), "redis_url": server.url})
        await talk.start(runtime)
        await _overhead(talk, WARM_TURNS)
        report["before"] = await _overhead(talk, turns)
        server.kill()
        report["gone"] = await _converse_for(talk, seconds)
        report["waiting_events"] = _waiting(path)
        server.start_again()
        back_s = time.perf_counter()
        drained = asyncio.create_task(asyncio.to_thread(_drained, path))
        report["back"] = await _overhead(talk, turns)
        await talk.stop(runtime)
        report["seconds_until_all_were_delivered"] = round(await drained - back_s, 1)
        report |= _account(path, server.url)
    return report


async def _converse_for(talk: Talk, seconds: float) -> dict[str, Any]:
    before, began_s = len(talk.overheads_ms()), time.perf_counter()
    while time.perf_counter() - began_s < seconds:
        await talk.person.converse(1)
    return {"seconds": round(time.perf_counter() - began_s, 1)} | summary(talk.overheads_ms()[before:])


def _drained(path: Path) -> float:
    """When nothing waits any more; a file has no other way to tell."""
    while _waiting(path):
        time.sleep(0.1)
    return time.perf_counter()


def _account(path: Path, url: str) -> dict[str, int]:
    import redis  # an extra: the other rows do without

    client = redis.Redis.from_url(url, decode_responses=True)
    keys = [fields["idempotencyKey"] for _, fields in client.xrange("events.analytics")]
    client.close()
    connection = sqlite3.connect(path)
    written = {row[0] for row in connection.execute("SELECT idempotency_key FROM outbox_events")}
    connection.close()
    return {"written": len(written), "lost": len(written - set(keys)), "twice": len(keys) - len(set(keys))}


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
    server.kill()


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
