"""Errors over HTTP, in one shape that OpenAI's clients understand too; clients of the dialog engine expect `{"detail"}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

_DETAIL_PATHS = ("/chat/", "/control/", "/tts/")


def error_body(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"code": code, "message": message, "type": kind, "param": param}}


def error_answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    for_dialog = request.url.path.startswith(_DETAIL_PATHS)
    body = {"detail": message} if for_dialog else error_body(status, code, message, param)
    return JSONResponse(body, status_code=status, headers=headers)
