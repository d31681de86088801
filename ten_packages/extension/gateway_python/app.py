"""The web application: routes, the page, and the guard in front of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from stream_talk import __version__
from stream_talk.memory.errors import MemoryUnavailable

from .catalog import UnknownGraph
from .gateway import AtCapacity, Gateway
from .graph_host import GraphFailed
from .guard import Guard
from .routes import ALL


def build_app(gateway: Gateway, web_dir: Path | None) -> Any:
    app = FastAPI(
        title="Stream-Talk",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        description="Talk with your own machine. See docs/protocols.md.",
    )
    for make in ALL:
        app.include_router(make(gateway))
    _explain_errors(app)
    if web_dir is not None and web_dir.is_dir():
        app.mount("/", PageFiles(directory=web_dir, html=True), name="page")
    return Guard(app, gateway.config, web_dir, gateway.also_accepted_tokens)


class PageFiles(StaticFiles):
    """The page is revalidated each time: after an update nobody talks through an old one."""

    async def get_response(self, path: str, scope: Any) -> Any:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def _explain_errors(app: FastAPI) -> None:
    def body(code: str, message: str) -> dict[str, Any]:
        return {"error": {"code": code, "message": message}}

    @app.exception_handler(AtCapacity)
    async def at_capacity(_request: Request, full: AtCapacity) -> JSONResponse:
        headers = {"Retry-After": str(max(1, round(full.retry_after_ms / 1000)))}
        return JSONResponse(body("at_capacity", str(full)), status_code=503, headers=headers)

    @app.exception_handler(UnknownGraph)
    async def unknown_graph(_request: Request, unknown: UnknownGraph) -> JSONResponse:
        return JSONResponse(body("unknown_graph", str(unknown)), status_code=404)

    @app.exception_handler(GraphFailed)
    async def graph_failed(_request: Request, failure: GraphFailed) -> JSONResponse:
        return JSONResponse(body("graph_failed", str(failure)), status_code=503)

    @app.exception_handler(MemoryUnavailable)
    async def memory_unavailable(_request: Request, trouble: MemoryUnavailable) -> JSONResponse:
        return JSONResponse(body("memory_unavailable", str(trouble)), status_code=503)

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "error")
        return JSONResponse(body(code, str(error.detail)), status_code=error.status_code, headers=error.headers)
