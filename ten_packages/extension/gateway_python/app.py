"""The web application: routes, the page, and the guard in front of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from stream_talk import __version__
from stream_talk.memory.errors import MemoryUnavailable

from .admission import AtCapacity
from .body_limit import BodyLimit
from .catalog import UnknownGraph
from .errors import error_answer
from .gateway import Gateway
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
    return Guard(BodyLimit(app), gateway.config, web_dir, gateway.also_accepted_tokens)


class PageFiles(StaticFiles):
    """The page is revalidated each time: after an update nobody talks through an old one."""

    async def get_response(self, path: str, scope: Any) -> Any:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def _explain_errors(app: FastAPI) -> None:
    @app.exception_handler(AtCapacity)
    async def at_capacity(request: Request, full: AtCapacity) -> JSONResponse:
        headers = {"Retry-After": str(max(1, round(full.retry_after_ms / 1000)))}
        return error_answer(request, 503, "at_capacity", str(full), headers=headers)

    @app.exception_handler(UnknownGraph)
    async def unknown_graph(request: Request, unknown: UnknownGraph) -> JSONResponse:
        return error_answer(request, 404, "unknown_graph", str(unknown))

    @app.exception_handler(GraphFailed)
    async def graph_failed(request: Request, failure: GraphFailed) -> JSONResponse:
        return error_answer(request, 503, "graph_failed", str(failure))

    @app.exception_handler(MemoryUnavailable)
    async def memory_unavailable(request: Request, trouble: MemoryUnavailable) -> JSONResponse:
        return error_answer(request, 503, "memory_unavailable", str(trouble))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Only where and why: what was sent is not repeated.
        first = error.errors()[0]
        param = ".".join(str(step) for step in first["loc"] if step != "body")
        return error_answer(request, 400, "invalid_value", f"{param or 'body'}: {first['msg']}", param=param or None)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_big"}.get(error.status_code)
        return error_answer(request, error.status_code, code or "error", str(error.detail), headers=error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _gone: ClientDisconnect) -> Response:
        return Response(status_code=400)  # read by nobody

    @app.exception_handler(Exception)
    async def broken(request: Request, _error: Exception) -> JSONResponse:
        text = "something went wrong inside the server; its log says more"
        return error_answer(request, 500, "internal_error", text)
