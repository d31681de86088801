"""Any language model behind an OpenAI-compatible server, over HTTP.

Closing the iterator closes the HTTP stream, which is how such a server learns that it may stop. A request is repeated only as
long as nothing of its reply was handed out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
from stream_talk import clock
from stream_talk.engines.interfaces import EngineUnavailable, LlmEvent, LlmRequest
from stream_talk.engines.limit import TooLate, within

from . import failures, models, wire
from .failures import Refusal
from .params import OpenAiParams
from .reply import ReplyReader, ServerError
from .sse import EventLines, EventTooLong

# Servers keep a quiet connection for 5 s (uvicorn) to 75 s; ours is dropped after longer pauses and one retry replaces it.
KEEP_ALIVE_S = 60.0
DRAIN_TIMEOUT_MS = 50.0
MAX_RETRY_AFTER_MS = 2000.0
MAX_REFUSAL_BYTES = 64 * 1024


class _TryAgain(Exception):
    """Nothing was handed out yet, and another try may succeed."""

    def __init__(self, failure: EngineUnavailable, delay_ms: float | None = None) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.delay_ms = delay_ms


class OpenAiEngine:
    def __init__(self, **params: Any) -> None:
        self._config = OpenAiParams(**params)
        self._client: httpx.AsyncClient | None = None
        self._model = self._config.model
        self._refused_fields: set[str] = set()

    async def load(self) -> None:
        """Check the server and the key, find the model, and leave a warm connection behind."""
        self._require_key()
        try:
            with clock.real_work():
                if self._config.model:
                    await models.list_models(self._open_client(), self._config)
                else:
                    self._model = await models.pick_model(self._open_client(), self._config)
        except httpx.TransportError as error:
            raise failures.unreachable(self._config, error) from error

    async def stream(self, request: LlmRequest) -> AsyncGenerator[LlmEvent, None]:
        tries_left = self._config.retries
        delay_ms = self._config.retry_delay_ms
        while True:
            began = False
            try:
                async with aclosing(self._attempt(request)) as events:
                    async for event in events:
                        began = True
                        yield event
                return
            except _TryAgain as reason:
                if began or tries_left == 0:
                    raise reason.failure from reason.__cause__
                tries_left -= 1
                await clock.sleep_ms(delay_ms if reason.delay_ms is None else reason.delay_ms)
                delay_ms *= 2

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _attempt(self, request: LlmRequest) -> AsyncGenerator[LlmEvent, None]:
        self._require_key()
        client, config = self._open_client(), self._config
        try:
            model = request.model or await self._chosen_model(client)
            body = wire.request_body(request, config, model)
            for name in self._refused_fields:
                body.pop(name, None)
            call = client.build_request(
                "POST", f"{config.url}/chat/completions", json=body, timeout=self._timeout(None)
            )
            response = await within(client.send(call, stream=True), config.first_token_timeout_ms)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise failures.unreachable(config, error) from error
        except httpx.TransportError as error:
            raise _TryAgain(failures.broke_off(config, error)) from error
        except TooLate as error:
            raise failures.too_late(config, "answer", config.first_token_timeout_ms) from error
        try:
            if response.status_code != 200:
                await self._refuse(response, body, model)
            async with aclosing(self._events(response)) as events:
                async for event in events:
                    yield event
        finally:
            # Shielded: being cancelled is exactly the moment in which the server must be told.
            await asyncio.shield(response.aclose())

    async def _events(self, response: httpx.Response) -> AsyncGenerator[LlmEvent, None]:
        config = self._config
        reader = ReplyReader(starts_in_reasoning=config.starts_in_reasoning)
        lines = EventLines()
        source = response.aiter_lines()
        began = False
        try:
            while not lines.done:
                timeout_ms = config.idle_timeout_ms if began else config.first_token_timeout_ms
                line = await within(_next(source), timeout_ms)
                if line is None:
                    break
                chunk = lines.feed(line)
                for event in reader.feed(chunk) if chunk else ():
                    began = True
                    yield event
            lines.finish()
            for event in reader.finish():
                yield event
            await _drain(source)
        except TooLate as error:
            raise failures.too_late(config, "token" if began else "first token", timeout_ms) from error
        except (httpx.TransportError, ServerError, EventTooLong) as error:
            failure = failures.broke_off(config, error)
            raise (failure if began else _TryAgain(failure)) from error
        if not reader.understood:
            raise failures.not_this_protocol(config, lines.garbage or response.headers.get("content-type", "nothing"))

    async def _refuse(self, response: httpx.Response, body: dict[str, Any], model: str) -> None:
        """Raise what an answer other than 200 means."""
        try:
            text = await within(_beginning(response), self._config.idle_timeout_ms)
        except (TooLate, httpx.TransportError):
            text = b""
        refusal = Refusal.of(response, text)
        failure = failures.refused(self._config, refusal, model)
        unwanted = refusal.refused_field(body, wire.OPTIONAL_FIELDS)
        if unwanted is not None and unwanted not in self._refused_fields:
            self._refused_fields.add(unwanted)
            raise _TryAgain(failure, delay_ms=0.0)
        if refusal.passing and (refusal.retry_after_ms or 0.0) <= MAX_RETRY_AFTER_MS:
            raise _TryAgain(failure, refusal.retry_after_ms)
        raise failure

    async def _chosen_model(self, client: httpx.AsyncClient) -> str:
        if not self._model:
            self._model = await models.pick_model(client, self._config)
        return self._model

    def _require_key(self) -> None:
        if self._config.known.key_variable and not self._config.base_url and not self._config.key():
            raise EngineUnavailable(f"{self._config.known.title} needs a key", failures.key_remedy(self._config))

    def _timeout(self, read_s: float | None) -> httpx.Timeout:
        """Reading a reply has limits of its own, which know whether a token came already."""
        return httpx.Timeout(read_s, connect=self._config.connect_timeout_ms / 1000.0)

    def _open_client(self) -> httpx.AsyncClient:
        if self._client is None:
            config = self._config
            key = config.key()
            self._client = httpx.AsyncClient(
                headers={**({"Authorization": f"Bearer {key}"} if key else {}), **config.headers},
                timeout=self._timeout(config.idle_timeout_ms / 1000.0),
                limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
            )
        return self._client


async def _next(source: AsyncIterator[str]) -> str | None:
    try:
        return await source.__anext__()
    except StopAsyncIteration:
        return None


async def _beginning(response: httpx.Response) -> bytes:
    text = b""
    async for part in response.aiter_bytes():
        text += part
        if len(text) > MAX_REFUSAL_BYTES:
            break
    return text


async def _drain(source: AsyncIterator[str]) -> None:
    """Read the few bytes behind `[DONE]`: only a connection that was read to its end serves the next request."""
    with contextlib.suppress(TooLate):
        while await within(_next(source), DRAIN_TIMEOUT_MS) is not None:
            pass
