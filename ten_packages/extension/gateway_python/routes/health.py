"""For whoever looks after the server: is it alive, is there room, how is it doing."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from stream_talk import __version__

from ..gateway import Gateway
from ..security import presented_tokens, token_accepted


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter(tags=["operation"])

    @routes.get("/health", summary="Live, ready, room for more, and each engine")
    async def health(request: Request) -> JSONResponse:
        body = _health(gateway)
        status = 200 if body["ready"] else 503
        headers = dict(request.headers)
        if not token_accepted(gateway.config.token, presented_tokens(headers, request.url.query, [])):
            body = {key: body[key] for key in ("status", "live", "ready")}
        return JSONResponse(body, status_code=status)

    @routes.get("/metrics", summary="Prometheus metrics")
    async def metrics() -> Response:
        measured = gateway.metrics
        measured.sessions.set(len(gateway.sessions))
        measured.tasks.set(len(asyncio.all_tasks()))
        measured.graphs.set(gateway.host.running_graphs())
        measured.loop_lag_ms.set(gateway.loop_lag_ms)
        measured.queue_ms.set(gateway.host.queue_ms())
        return Response(measured.render(), media_type=measured.content_type)

    return routes


def _health(gateway: Gateway) -> dict[str, Any]:
    decision = gateway.admission()
    engines = gateway.host.engines()
    broken = [name for name, engine in engines.items() if engine.get("state") == "failed"]
    ready = not gateway.draining and any(offer.available for offer in gateway.catalog)
    status = "draining" if gateway.draining else "degraded" if broken or not ready else "ok"
    return {
        "status": status,
        "live": True,
        "ready": ready,
        "version": __version__,
        "sessions": len(gateway.sessions),
        "capacity": {
            "accepting": decision.accepted,
            "reason": decision.reason or None,
            "loop_lag_ms": round(gateway.loop_lag_ms, 2),
            "queue_ms": round(gateway.host.queue_ms(), 1),
        },
        "engines": engines,
    }
