"""Which conversations are on offer, and what one that is running looks like inside."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ..gateway import Gateway


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter(tags=["graphs"])

    @routes.get("/v1/graphs", summary="The graphs on offer: what each needs, and whether it can run here")
    async def graphs() -> dict[str, Any]:
        return gateway.catalog.to_wire()

    @routes.get("/v1/sessions/{session_id}/graph", summary="The running graph of one conversation, with its counters")
    async def session_graph(session_id: str) -> Any:
        session = gateway.sessions.get(session_id)
        if session is None:
            body = {"error": {"code": "unknown_session", "message": "there is no such conversation"}}
            return JSONResponse(body, status_code=404)
        return gateway.statistics_of(session)

    return routes
