"""One prediction, run by a task of its own.

Leaving the SDK's stream, by an exception or a cancelled task, does not stop the server: it would generate to its end while the next
request waits. So the stream is read by a task that nobody cancels; stopping sends `cancel` and waits until the server has obeyed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from stream_talk.engines.interfaces import LlmEvent, TextDelta, ToolCall, Usage
from stream_talk.llm.reasoning import ReasoningSplitter

STOP_TIMEOUT_S = 2.0


class Prediction:
    def __init__(self, open_stream: Callable[[], Awaitable[Any]], *, starts_in_reasoning: bool) -> None:
        self._splitter = ReasoningSplitter(starts_inside=starts_in_reasoning)
        self._events: asyncio.Queue[LlmEvent | BaseException | None] = asyncio.Queue()
        self._stream: Any = None
        self._stopping = False
        self._reader = asyncio.ensure_future(self._read(open_stream))

    async def next(self) -> LlmEvent | None:
        """The next event; None at the end."""
        item = await self._events.get()
        if isinstance(item, BaseException):
            raise item
        return item

    async def stop(self) -> None:
        """Returns when the server has stopped, or after two seconds when it does not listen."""
        if self._reader.done():
            return
        self._stopping = True
        if self._stream is not None:
            await self._stream.cancel()
        await asyncio.wait([self._reader], timeout=STOP_TIMEOUT_S)
        self._reader.cancel()

    async def _read(self, open_stream: Callable[[], Awaitable[Any]]) -> None:
        try:
            self._stream = await open_stream()
            # Public iteration hands out text only; tool calls are among the events behind it.
            async for event in self._stream._iter_events():
                if self._stopping:
                    await self._stream.cancel()
                for ours in self._translate(event):
                    self._events.put_nowait(ours)
            for ours in self._splitter.finish():
                self._events.put_nowait(ours)
            stats = self._stream.result().stats
            self._events.put_nowait(Usage(_whole(stats.prompt_tokens_count), _whole(stats.predicted_tokens_count)))
            self._events.put_nowait(None)
        except Exception as error:
            self._events.put_nowait(error)

    def _translate(self, event: Any) -> Iterator[LlmEvent]:
        kind, value = type(event).__name__, event.arg
        if kind == "PredictionFragmentEvent":
            if value.reasoning_type == "none":
                yield from self._splitter.feed(value.content)
            elif value.reasoning_type == "reasoning":
                yield TextDelta(value.content, reasoning=True)
        elif kind == "PredictionToolCallEvent":
            yield ToolCall(value.id or f"call_{value.name}", value.name, dict(value.arguments or {}))


def _whole(count: float | None) -> int | None:
    return None if count is None else int(count)
