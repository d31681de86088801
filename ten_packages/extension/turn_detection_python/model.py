"""TEN's turn detection model behind any OpenAI-compatible endpoint: one user message in, one label out.

It must never hold a conversation up: an answer later than the budget is no answer, and after several of those in a row it is not
asked for a while. Whoever asks goes on with what the words and the voice say.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import httpx
from stream_talk import clock

from .words import State

_PUNCTUATION = re.compile(r"[,.!?:;、，。！？：；]")
_FAILURES_TO_REST = 3
_REST_MS = 30_000.0


@dataclass(frozen=True)
class ModelSettings:
    base_url: str
    model: str = "TEN_Turn_Detection"
    api_key: str = ""
    budget_ms: float = 300.0
    temperature: float = 0.1
    top_p: float = 0.1


class TurnModel:
    def __init__(self, settings: ModelSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        self._client = httpx.AsyncClient(headers=headers, timeout=settings.budget_ms / 1000.0, transport=transport)
        self._failures = 0
        self._rests_until_ms = 0.0
        self.last_problem = ""

    @property
    def resting(self) -> bool:
        return clock.now_ms() < self._rests_until_ms

    async def ask(self, text: str) -> State | None:
        """The label, or None: late, unreachable, not understood, or resting."""
        bare = _PUNCTUATION.sub("", text).strip()
        if not bare or self.resting:
            return None
        try:
            answer = await asyncio.wait_for(self._complete(bare), self._settings.budget_ms / 1000.0)
            label = label_of(answer)
        except (asyncio.TimeoutError, httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            self._failed(f"{type(error).__name__} {error}".strip())
            return None
        self._failures = 0
        return label

    async def close(self) -> None:
        await self._client.aclose()

    async def _complete(self, text: str) -> str:
        chosen = self._settings
        body = {
            "model": chosen.model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": 1,
            "temperature": chosen.temperature,
            "top_p": chosen.top_p,
            "stream": False,
        }
        response = await self._client.post(f"{chosen.base_url.rstrip('/')}/chat/completions", json=body)
        response.raise_for_status()
        return _content(response.json())

    def _failed(self, problem: str) -> None:
        self._failures += 1
        self.last_problem = problem
        if self._failures >= _FAILURES_TO_REST:
            self._rests_until_ms = clock.now_ms() + _REST_MS
            self._failures = 0


def label_of(answer: str) -> State | None:
    """TEN's client takes anything that is neither `unfinished` nor `wait` as finished; an empty answer says nothing."""
    word = answer.strip().lower()
    if not word:
        return None
    if word.startswith("unf"):
        return "unfinished"
    return "wait" if word.startswith("wait") else "finished"


def _content(reply: Any) -> str:
    if not isinstance(reply, dict):
        raise TypeError(f"an object was expected, not {type(reply).__name__}")
    reply = reply.get("result", reply)  # some hosts wrap the answer
    return str(reply["choices"][0]["message"]["content"] or "")
