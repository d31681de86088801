"""HTTP and WebSocket endpoints. Each module offers `router(gateway) -> APIRouter`; `ALL` lists those that are mounted.

A new endpoint is a new module here, added to `ALL`.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from ..gateway import Gateway
from . import dialog, docs, graphs, health, memory, openai_audio, realtime, realvoicechat, talk, ten

RouterFactory = Callable[[Gateway], APIRouter]

ALL: tuple[RouterFactory, ...] = (
    docs.router,
    health.router,
    graphs.router,
    talk.router,
    realtime.router,
    realvoicechat.router,
    ten.router,
    openai_audio.router,
    dialog.router,
    memory.router,
)
