"""outbox_python: delivers the events of the memory file to Redis Streams. One node per process is enough."""

from __future__ import annotations

import asyncio

from pydantic import ValidationError
from stream_talk.memory.dispatcher import Dispatcher, DispatcherSettings, DispatcherThread
from stream_talk.memory.outbox import RetryPolicy
from ten_runtime import AsyncExtension, AsyncTenEnv, Cmd, CmdResult, StatusCode

from .config import OutboxConfig


class OutboxExtension(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._thread: DispatcherThread | None = None

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        properties, _ = await ten_env.get_property_to_json("")
        try:
            config = OutboxConfig.model_validate_json(properties or "{}")
        except ValidationError as error:
            ten_env.log_error(f"outbox: {error.error_count()} wrong properties: {error}")
            return
        if not config.redis_url:
            ten_env.log_debug("outbox: off; set property `redis_url` to deliver events to Redis")
            return
        try:
            from .engine import RedisSink
        except ImportError:
            ten_env.log_error("outbox: the package redis is missing; pip install 'stream-talk[redis]'")
            return
        settings = DispatcherSettings(
            batch=config.batch,
            flush_interval_ms=config.flush_interval_ms,
            retry=RetryPolicy(attempts_before_dead=config.attempts_before_dead),
        )
        try:
            sink = RedisSink(
                config.redis_url, max_stream_length=config.max_stream_length, max_event_bytes=config.max_event_bytes
            )
        except ValueError as error:
            ten_env.log_error(f"outbox: property redis_url is wrong ({error}); write redis://HOST:PORT/0")
            return
        self._thread = DispatcherThread(
            Dispatcher(config.file, sink, settings), settings, report=lambda text: ten_env.log_warn(f"outbox: {text}")
        )
        self._thread.start()

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._thread is not None:
            await asyncio.to_thread(self._thread.stop)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        if cmd.get_name() == "outbox_wake" and self._thread is not None:
            self._thread.wake()
        await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))
