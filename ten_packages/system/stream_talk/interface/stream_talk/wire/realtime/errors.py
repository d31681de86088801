"""Errors in the protocol's own shape."""

from __future__ import annotations

from typing import Any


class RealtimeError(Exception):
    """Told to the client as an `error` event; the conversation goes on."""

    def __init__(
        self, code: str, message: str, *, param: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.kind = kind

    def body(self, client_event_id: str | None) -> dict[str, Any]:
        """`event_id` is the offending event's: some clients wait for it."""
        return {
            "type": self.kind,
            "code": self.code,
            "message": str(self),
            "param": self.param,
            "event_id": client_event_id,
        }
