"""Base of language model extensions: TEN's LLM interface on top of an `LlmEngine`.

    class RulesLlmExtension(LlmExtension):
        vendor = "rules"
        config_model = RulesStageConfig    # LlmConfig plus `params`
        engine_class = RulesEngine         # built with **engine_options(config)

`chat_completion` is answered by a stream of results (deltas, tool calls, a done), then one empty final OK. A failure ends in a final
ERROR; `abort` closes the engine's stream, and ends in a final OK. The next engine of the chain takes a reply over only before its first
token: half a thought cannot be finished by somebody else. A reply that breaks off later ends in an ERROR (the conversation says that it
lost its thread), and the next engine answers the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel
from ten_runtime import Cmd, CmdResult

from stream_talk import clock
from stream_talk.engines.fallback import EngineLate, FallbackChain, Link
from stream_talk.engines.interfaces import EngineUnavailable, LlmEngine, LlmEvent, LlmRequest
from stream_talk.ten import messages, names
from stream_talk.ten.config import LlmConfig, StageConfig
from stream_talk.ten.engine_links import extension_class_of
from stream_talk.ten.llm_reply import MERGE_MS, ReplyWriter
from stream_talk.ten.stage import StageExtension

_RETRY_DELAYS_MS = (500.0, 1000.0, 2000.0, 4000.0)
_METRICS_LATER_S = 0.003  # metrics are told after what somebody waits for


class LlmExtension(StageExtension[LlmConfig]):
    module: ClassVar[str] = names.MODULE_LLM
    config_model: ClassVar[type[BaseModel]] = LlmConfig
    engine_class: ClassVar[type[Any] | None] = None

    @classmethod
    def engine_options(cls, config: Any) -> dict[str, Any]:
        """Keyword arguments of the engine's constructor: by default all `params`."""
        params = getattr(config, "params", None)
        return params.model_dump() if isinstance(params, BaseModel) else dict(params or {})

    @classmethod
    def make_engine(cls, config: Any) -> LlmEngine:
        if cls.engine_class is None:
            raise TypeError(f"{cls.__name__} names no engine: set engine_class")
        engine: LlmEngine = cls.engine_class(**cls.engine_options(config))
        return engine

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._chain: FallbackChain[LlmEngine] | None = None
        self._loading = asyncio.Event()  # set once the first attempt to load has ended, well or badly
        self._load_problem = ""
        self._running: dict[str, asyncio.Task[Any]] = {}

    # --- life -----------------------------------------------------------------------------------------------------

    async def start_stage(self) -> None:
        try:
            self._chain = FallbackChain(self._links(), self._on_switch)
        except Exception as error:
            self._load_failed(error)
            return
        await asyncio.gather(*(self._load(link) for link in self._chain.links))

    async def stop_stage(self) -> None:
        running = list(self._running.values())
        self._abort("")
        if running:
            await asyncio.wait(running, timeout=2.0)
        if self._chain is not None:
            for link in self._chain.links:
                await link.engine.close()

    def _links(self) -> list[Link[LlmEngine]]:
        fallback = self.settings.fallback
        late_ms = fallback.late_ms if fallback else self.settings.first_token_timeout_ms
        links = [
            Link(self.name, self.make_engine(self.settings), late_ms, fallback.retry_after_ms if fallback else 0.0)
        ]
        if fallback is not None:
            other = extension_class_of(fallback.addon, LlmExtension)
            model: type[StageConfig] = other.config_model
            other_config = model.model_validate({"params": fallback.params})
            limit_ms = self.settings.first_token_timeout_ms
            links.append(Link(fallback.addon, other.make_engine(other_config), limit_ms, fallback.retry_after_ms))
        return links

    async def _load(self, link: Link[LlmEngine]) -> None:
        attempt = 0
        while True:
            try:
                await link.engine.load()
                link.available = True
                self._load_problem = ""
                self._loading.set()
                return
            except Exception as error:
                self._load_failed(error)
            await clock.sleep_ms(_RETRY_DELAYS_MS[min(attempt, len(_RETRY_DELAYS_MS) - 1)])
            attempt += 1

    def _load_failed(self, error: Exception) -> None:
        if str(error) != self._load_problem:
            self._load_problem = str(error)
            permanent = isinstance(error, EngineUnavailable) and error.permanent
            self.report_error(names.CODE_FATAL if permanent else names.CODE_NON_FATAL, str(error))
        self._loading.set()

    def _on_switch(self, text: str) -> None:
        self.report_error(names.CODE_NON_FATAL, text)

    # --- messages in ----------------------------------------------------------------------------------------------

    async def handle_cmd(self, name: str, cmd: Cmd) -> Mapping[str, Any] | None:
        if name == names.CHAT_COMPLETION:
            await self._chat_completion(cmd)
            return None
        body = messages.read_json(cmd)
        if name == names.ABORT:
            self._abort(str(body.get("request_id", "")))
        elif name == names.RETRIEVE_PROMPT:
            return {"prompt": ""}
        return {}

    def _abort(self, request_id: str) -> None:
        for running_id, task in list(self._running.items()):
            if request_id in ("", running_id):
                task.cancel()

    async def _chat_completion(self, cmd: Cmd) -> None:
        body = messages.read_json(cmd)
        request_id = str(body.get("request_id", ""))
        if request_id in self._running:
            message = f"request {request_id} is already running"
            refusal = {"error": "request_id_already_running", "message": message, "request_id": request_id}
            await self.env.return_result(messages.result(cmd, refusal, ok=False))
            return
        # The answer is given in the callback's own task: it begins at once. `abort` cancels that task, and `_answer` keeps the
        # cancellation to itself; one that reached the runtime would end the process.
        task = asyncio.current_task()
        assert task is not None
        self._running[request_id] = task
        try:
            await self._answer(cmd, request_id, body)
        finally:
            del self._running[request_id]

    # --- answering ------------------------------------------------------------------------------------------------

    async def _answer(self, cmd: Cmd, request_id: str, body: messages.Json) -> None:
        metadata = body.get("metadata") or {}
        writer = ReplyWriter(cmd, request_id, streaming=bool(body.get("streaming", True)))
        request = LlmRequest(
            request_id,
            list(body.get("messages") or []),
            list(body.get("tools") or []),
            dict(body.get("parameters") or {}),
            body.get("model") or None,
        )
        reply = _Sending(self, writer, request_id, metadata)
        try:
            async with contextlib.aclosing(self._events(request, writer)) as events:
                async for event in events:
                    reply.take(event)
            reply.finish()
        except asyncio.CancelledError:
            reply.stop()
            self.post(self.env.return_result(messages.result(cmd)))
            return
        except Exception as error:
            reply.finish(done=False)
            self.report_error(names.CODE_NON_FATAL, str(error), request_id=request_id, metadata=metadata)
            failure = {"error": type(error).__name__, "message": str(error), "request_id": request_id}
            self.post(self.env.return_result(messages.result(cmd, failure, ok=False)))
            return
        self.post(self.env.return_result(messages.result(cmd)))

    async def _events(self, request: LlmRequest, writer: ReplyWriter) -> AsyncGenerator[LlmEvent, None]:
        """Events of the first engine of the chain that answers in time."""
        if self._chain is None or self._chain.best() is None:
            await self._loading.wait()
        if self._chain is None:
            raise RuntimeError(self._load_problem)
        tried: set[str] = set()
        link = self._chain.best()
        while link is not None:
            has_other = len(self._chain.links) > 1 and self._chain.best(tried | {link.name}) is not None
            watch = _Watch(link.late_ms if has_other else self.settings.first_token_timeout_ms)
            stream = link.engine.stream(request)
            try:
                async for event in stream:
                    watch.progress(self.settings.token_timeout_ms)
                    yield event
                link.served += 1
                return
            except (Exception, asyncio.CancelledError) as error:
                problem = watch.problem(error)
                if problem is None:
                    raise
                successor = self._chain.failed(link, problem, tried)
                if successor is None or writer.started:
                    raise problem from None
                link = successor
            finally:
                watch.stop()
                await _close(stream)
        raise RuntimeError(self._load_problem or "no language model is loaded")


class _Sending:
    """The way out of one reply: sends what is due, merges what may wait a millisecond, and measures beside the path."""

    def __init__(self, stage: LlmExtension, writer: ReplyWriter, request_id: str, metadata: messages.Json) -> None:
        self._stage = stage
        self._writer = writer
        self._request_id = request_id
        self._metadata = metadata
        self._started_ms = clock.now_ms()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, event: LlmEvent) -> None:
        writer = self._writer
        self._send(writer.add(event))
        if writer.moments:
            moments, writer.moments = writer.moments, []
            metrics = {key: round(clock.now_ms() - self._started_ms, 1) for key in moments}
            self._loop.call_later(_METRICS_LATER_S, self._report, metrics)
        if self._timer is None and writer.holds:
            self._timer = self._loop.call_later(MERGE_MS / 1000.0, self._flush)

    def finish(self, *, done: bool = True) -> None:
        self.stop()
        self._send(self._writer.finish() if done else self._writer.flush())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        self._timer = None
        self._send(self._writer.flush())

    def _send(self, results: list[CmdResult]) -> None:
        for result in results:
            self._stage.post(self._stage.env.return_result(result))

    def _report(self, metrics: dict[str, float]) -> None:
        if not self._stage.stopping:
            self._stage.report_metrics(metrics, request_id=self._request_id, metadata=self._metadata)


async def _close(stream: AsyncIterator[LlmEvent]) -> None:
    """Closing an engine's stream is what cancels the generation; returns when the server has been told."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()


class _Watch:
    """Cancels the current task when the engine is silent for too long. One timer for a whole stream: a token only notes its time."""

    def __init__(self, limit_ms: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._limit_s = limit_ms / 1000.0
        self._last_s = self._loop.time()
        self._fired = False
        self._timer = self._loop.call_later(self._limit_s, self._check)

    def progress(self, limit_ms: float) -> None:
        self._last_s = self._loop.time()
        self._limit_s = limit_ms / 1000.0

    def stop(self) -> None:
        self._timer.cancel()

    def problem(self, error: BaseException) -> Exception | None:
        """What went wrong with the engine; None when the task was cancelled by somebody else."""
        if isinstance(error, Exception):
            return error
        if not self._fired:
            return None
        # The cancellation was ours and is dealt with; Python 3.11 and later count them.
        uncancel = getattr(self._task, "uncancel", None)
        if uncancel is not None:
            uncancel()
        return EngineLate(f"no token for {self._limit_s * 1000:.0f} ms")

    def _check(self) -> None:
        left_s = self._last_s + self._limit_s - self._loop.time()
        if left_s > 0.001:
            self._timer = self._loop.call_later(left_s, self._check)
        elif self._task is not None:
            self._fired = True
            self._task.cancel()
