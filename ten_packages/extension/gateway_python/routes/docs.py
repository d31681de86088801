"""`GET /docs`: the HTTP endpoints as a page of our own; no script, nothing loaded from elsewhere, works without the Internet."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ..gateway import Gateway

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #8884}"
    "code{font-family:ui-monospace,monospace}"
)


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter()

    @routes.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(render(request.app.openapi()))

    return routes


def render(schema: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td><td>{escape(_summary(operation))}</td></tr>"
        for path, operations in sorted(schema["paths"].items())
        for method, operation in operations.items()
    ]
    title = f"{escape(schema['info']['title'])} {escape(schema['info']['version'])}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}: HTTP</title><style>{STYLE}</style><h1>{title}</h1>"
        f'<p>The HTTP endpoints of this server; <a href="openapi.json">openapi.json</a> has every detail. '
        f"The WebSocket protocols are described in <code>docs/protocols.md</code>.</p>"
        f"<table><tr><th>Method</th><th>Path</th><th>What</th></tr>{''.join(rows)}</table></html>"
    )


def _summary(operation: dict[str, Any]) -> str:
    return str(operation.get("summary") or "")
