"""A model in LM Studio through its own SDK: found or loaded with progress, streamed, and really stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable, LlmEvent, LlmRequest
from stream_talk.engines.limit import TooLate, within

from . import history, models
from .connection import Connection, naming_failures
from .models import LoadProgress
from .params import LmStudioParams
from .prediction import Prediction


class LmStudioEngine:
    def __init__(self, **params: Any) -> None:
        self._params = LmStudioParams(**params)
        self._connection = Connection(self._params.host)
        self._models: dict[str, Any] = {}
        self.progress = LoadProgress("")

    async def load(self) -> None:
        await self._model("")

    async def stream(self, request: LlmRequest) -> AsyncGenerator[LlmEvent, None]:
        model = await self._model(request.model or "")
        chat = history.chat_of(request.messages, self._params.prompt)
        config = history.prediction_config(request, self._params)
        prediction = Prediction(
            lambda: model.respond_stream(chat, config=config), starts_in_reasoning=self._params.starts_in_reasoning
        )
        began = False
        try:
            while (event := await self._next(prediction, began=began)) is not None:
                began = True
                yield event
        finally:
            await asyncio.shield(prediction.stop())

    async def loaded(self) -> list[str]:
        client = await self._connection.client()
        with naming_failures("listing its models"):
            return [str(handle.identifier) for handle in await client.llm.list_loaded()]

    async def downloaded(self) -> list[str]:
        client = await self._connection.client()
        with naming_failures("listing its models"):
            return [str(model.model_key) for model in await client.list_downloaded_models("llm")]

    async def close(self) -> None:
        self._models.clear()
        await self._connection.close()

    async def _next(self, prediction: Prediction, *, began: bool) -> LlmEvent | None:
        limit_ms = self._params.idle_timeout_ms if began else self._params.first_token_timeout_ms
        try:
            with naming_failures("replying"):
                return await within(prediction.next(), limit_ms)
        except TooLate as error:
            what = "token" if began else "first token"
            raise EngineUnavailable(
                f"LM Studio sent no {what} within {limit_ms / 1000:g} s", "try a smaller model", permanent=False
            ) from error
        except EngineUnavailable:
            await self.close()  # the connection may be dead; the next request opens another
            raise

    async def _model(self, name: str) -> Any:
        client = await self._connection.client()
        name = name or await models.choose(client, self._params)
        if name not in self._models:
            self.progress = LoadProgress(name)
            self._models[name] = await models.bring_up(client, name, self._params, self.progress)
        return self._models[name]
