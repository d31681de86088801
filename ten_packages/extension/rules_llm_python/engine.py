"""The built-in talker: rules instead of a model, streamed token by token like one.

Deterministic given the clock and the messages.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from datetime import datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stream_talk import clock
from stream_talk.engines.interfaces import EngineUnavailable, LlmEvent, LlmRequest, TextDelta, ToolCall, Usage

from . import conversation, rules
from .params import RulesParams
from .rule import UseTool

# A word with the space before it, or one CJK character: about what a model's tokenizer makes.
TOKEN = re.compile("[\u3400-\u9fff\u3040-\u30ff]|\\s*[^\\s\u3400-\u9fff\u3040-\u30ff]+|\\s+")


class RulesEngine:
    def __init__(self, **params: Any) -> None:
        self._params = RulesParams(**params)
        self._zone: tzinfo | None = None

    async def load(self) -> None:
        if not self._params.timezone:
            return
        try:
            self._zone = ZoneInfo(self._params.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise EngineUnavailable(
                f"timezone {self._params.timezone!r} is not known here",
                "use an IANA name such as Europe/Paris, or leave it empty",
            ) from error

    async def stream(self, request: LlmRequest) -> AsyncGenerator[LlmEvent, None]:
        seen = conversation.read(request.messages, request.tools, self._now(), self._params.language)
        answer = rules.answer(seen)
        if isinstance(answer, UseTool):
            yield ToolCall(f"call_{request.request_id}", answer.name, answer.arguments)
            return
        tokens = TOKEN.findall(answer)
        for token in tokens:
            await clock.sleep_ms(self._params.token_delay_ms)
            yield TextDelta(token)
        yield Usage(sum(len(TOKEN.findall(entry.text)) for entry in seen.said), len(tokens))

    async def close(self) -> None:
        """Nothing is held."""

    def _now(self) -> datetime:
        utc = datetime.fromtimestamp(clock.epoch_ms() / 1000.0, tz=timezone.utc)
        return utc.astimezone(self._zone)
