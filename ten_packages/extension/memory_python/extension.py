"""memory_python: short-term and long-term memory of a session, as commands (docs/messages.md)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.memory.service import SHARED, MemoryService
from ten_runtime import AsyncExtension, AsyncTenEnv, Cmd, CmdResult, StatusCode

from .config import MemoryConfig
from .engine import Memory, entries_from, events_from

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class MemoryExtension(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._config = MemoryConfig()
        self._service: MemoryService | None = None
        self._memory: Memory | None = None
        self._digests: set[asyncio.Task[None]] = set()
        self._handlers: dict[str, Handler] = {
            "memory_load": self._load,
            "memory_append": self._append,
            "memory_search": self._search,
            "memory_clear": self._clear,
        }
        self._told: set[str] = set()
        self._report: Callable[[str], None] = lambda _text: None

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        properties, _ = await ten_env.get_property_to_json("")
        try:
            self._config = MemoryConfig.model_validate_json(properties or "{}")
        except ValidationError as error:
            ten_env.log_error(f"memory: {error.error_count()} wrong properties: {error}")
            return
        ten_env.log_info(f"config: memory file {self._config.file}", category="key_point")
        self._service = SHARED.acquire(self._config.file)
        self._report = lambda text: self._tell_once(ten_env, text)
        self._memory = Memory(self._config, self._service, self._report)

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        try:
            forgotten = await self._memory.tidy() if self._memory else 0
        except MemoryUnavailable as error:
            self._tell_once(ten_env, str(error))
            return
        if forgotten:
            ten_env.log_info(f"memory: forgot {forgotten} conversations older than the retention setting")

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._digests:
            await asyncio.wait(self._digests, timeout=2.0)

    async def on_deinit(self, ten_env: AsyncTenEnv) -> None:
        if self._memory is not None:
            self._memory.close()
        if self._service is not None:
            # Closing joins a thread that may be writing; the loop must not wait for a disk.
            await asyncio.to_thread(SHARED.release, self._config.file)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        handler = self._handlers.get(cmd.get_name())
        if handler is None:
            await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))
            return
        try:
            tree = json.loads(cmd.get_property_to_json(None)[0] or "{}")
            answer, status = await handler(tree), StatusCode.OK
        except MemoryUnavailable as error:
            self._tell_once(ten_env, str(error))
            answer, status = {"detail": str(error)}, StatusCode.ERROR
        except Exception as error:  # nothing may leave a callback
            ten_env.log_error(f"memory: {cmd.get_name()} failed: {error!r}")
            answer, status = {"detail": f"{cmd.get_name()}: {error}"}, StatusCode.ERROR
        result = CmdResult.create(status, cmd)
        result.set_property_from_json(None, json.dumps(answer, ensure_ascii=False))
        await ten_env.return_result(result)

    def _tell_once(self, ten_env: AsyncTenEnv, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            ten_env.log_error(f"memory: {text}")

    @property
    def _ready(self) -> Memory:
        if self._memory is None:
            raise MemoryUnavailable("memory_python has wrong properties", "see the log")
        return self._memory

    async def _load(self, tree: dict[str, Any]) -> dict[str, Any]:
        history = await self._ready.load(
            str(tree["session_id"]),
            max_turns=int(tree.get("max_turns") or self._config.keep_turns),
            max_tokens=int(tree.get("max_tokens") or 4_000),
        )
        return {"messages": history.messages, "summary": history.summary, "last_turn": history.last_turn}

    async def _append(self, tree: dict[str, Any]) -> dict[str, Any]:
        memory = self._ready
        session_id, turn = str(tree["session_id"]), int(tree["turn_id"])
        entries = entries_from(tree.get("entries") or [])
        await memory.append(session_id, turn, entries, events_from(tree.get("events") or []))
        digest = asyncio.create_task(self._digest(memory, session_id, turn, entries))
        self._digests.add(digest)
        digest.add_done_callback(self._digests.discard)
        return {}

    async def _digest(self, memory: Memory, session_id: str, turn: int, entries: list[Any]) -> None:
        try:
            await memory.digest(session_id, turn, entries)
        except MemoryUnavailable:
            # The append before this said it already, or the next one will.
            return
        except Exception as error:  # the turn itself is safe; a task's error would be seen by nobody
            self._report(f"a turn was stored but not digested: {error!r}")

    async def _search(self, tree: dict[str, Any]) -> dict[str, Any]:
        items = await self._ready.search(str(tree.get("query", "")), budget_ms=float(tree.get("budget_ms") or 100))
        return {"items": [{"id": item.id, "text": item.text, "score": round(item.score, 4)} for item in items]}

    async def _clear(self, tree: dict[str, Any]) -> dict[str, Any]:
        return {"deleted": await self._ready.clear(str(tree["session_id"]))}
