"""What is remembered, for its owner to look at, correct and delete: `/v1/memory/...`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from stream_talk import clock
from stream_talk.memory import conversations
from stream_talk.memory.export import exported
from stream_talk.memory.long_term import SqliteLongTermStore
from stream_talk.memory.service import SHARED
from stream_talk.paths import memory_file

from ..gateway import Gateway

T = TypeVar("T")


class Correction(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=2_000)]


def _missing(what: str) -> JSONResponse:
    return JSONResponse({"error": {"code": "not_found", "message": f"there is no such {what}"}}, status_code=404)


async def _ask(work: Callable[[sqlite3.Connection], T]) -> T:
    """Through the process's one service for the file, so that the page and the conversations never fight over it."""
    path = memory_file()
    service = SHARED.acquire(path)
    try:
        return await service.run(work)
    finally:
        # The last user closes the file, which may wait for a disk: not on the loop that carries sound.
        await asyncio.to_thread(SHARED.release, path)


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter(prefix="/v1/memory", tags=["memory"])

    @routes.get("/conversations", summary="Conversations, newest first")
    async def listed(limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Any:
        found = await _ask(lambda c: conversations.list_conversations(c, limit=limit))
        return {"conversations": [asdict(info) for info in found]}

    @routes.get("/conversations/{session_id}", summary="One conversation, turn by turn")
    async def shown(session_id: str) -> Any:
        turns = await _ask(lambda c: conversations.read_conversation(c, session_id))
        return {"session_id": session_id, "turns": turns} if turns else _missing("conversation")

    @routes.delete("/conversations/{session_id}", summary="Forget one conversation and what was remembered from it")
    async def forgotten(session_id: str) -> Any:
        deleted = await _ask(lambda c: conversations.delete_conversation(c, session_id))
        return {"deleted": True} if deleted else _missing("conversation")

    @routes.get("/export", summary="Everything: all conversations and all facts")
    async def everything() -> Any:
        return await _ask(exported)

    @routes.delete("", summary="Forget everything")
    async def all_forgotten() -> Any:
        await _ask(conversations.delete_everything)
        return {"deleted": True}

    @routes.get("/items", summary="Remembered facts; with `query`, the ones that a reply to it would be given")
    async def items(
        query: Annotated[str, Query(max_length=2_000)] = "", limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> Any:
        found = await _ask(lambda c: SqliteLongTermStore(c).list(limit=limit, query=query))
        return {"items": [asdict(item) for item in found]}

    @routes.patch("/items/{item_id}", summary="Correct one remembered fact")
    async def corrected(item_id: int, correction: Correction) -> Any:
        now_ms = clock.epoch_ms()
        changed = await _ask(lambda c: SqliteLongTermStore(c).correct(item_id, correction.text, now_ms))
        return {"corrected": True} if changed else _missing("item")

    @routes.delete("/items/{item_id}", summary="Forget one remembered fact")
    async def item_forgotten(item_id: int) -> Any:
        return {"deleted": True} if await _ask(lambda c: SqliteLongTermStore(c).delete(item_id)) else _missing("item")

    return routes
