"""What every extension base shares: configuration, guarded callbacks, background tasks, errors and metrics.

TEN ends the process when an exception leaves a callback, runs each message as a coroutine of its own, and delivers messages before
`on_start`. So: every callback is guarded, what must stay in order happens before the first real `await`, and loading happens
in the background while the base keeps what arrives.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from ten_runtime import AsyncExtension, AsyncTenEnv, AudioFrame, Cmd, Data

from stream_talk.models.store import resolve_models
from stream_talk.ten import messages, names
from stream_talk.ten.config import StageConfig, masked

ConfigT = TypeVar("ConfigT", bound=StageConfig)


class StageExtension(AsyncExtension, Generic[ConfigT]):
    """Subclasses say `module`, `vendor` and `config_model`, and override the `handle_*` and `start_stage`/`stop_stage` hooks."""

    module: ClassVar[str] = ""
    vendor: ClassVar[str] = ""
    config_model: ClassVar[type[BaseModel]] = StageConfig
    config_error_code: ClassVar[int] = names.CODE_FATAL

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.config: ConfigT | None = None
        self.config_problem = ""
        self._env: AsyncTenEnv | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False

    # --- hooks ----------------------------------------------------------------------------------------------------

    def configured(self, config: ConfigT) -> None:
        """The properties are known; messages may follow at once. Must not block."""

    async def start_stage(self) -> None:
        """Runs in the background from on_start on: load the engine here."""

    async def stop_stage(self) -> None:
        """Give back what the stage holds. Background tasks are already cancelled."""

    def handle_audio(self, frame: AudioFrame) -> None:
        """An audio frame, in order of arrival."""

    async def handle_data(self, name: str, data: Data) -> None:
        """A data message. What precedes the first `await` runs in order of arrival."""

    async def handle_cmd(self, name: str, cmd: Cmd) -> Mapping[str, Any] | None:
        """A command; the returned properties become its OK result. None means that the stage answers it itself."""
        return {}

    # --- TEN callbacks --------------------------------------------------------------------------------------------

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._env = ten_env
        try:
            text, _ = await ten_env.get_property_to_json("")
            config = self.config_model.model_validate(resolve_models(json.loads(text or "{}")))
            ten_env.log_info(f"config: {masked(config.model_dump(mode='json'))}", category=names.LOG_KEY_POINT)
            self.config = config  # type: ignore[assignment]
            self.configured(config)  # type: ignore[arg-type]
        except ValidationError as error:
            self.config = None
            self.config_problem = readable_problem(error)
        except Exception as error:
            self.config = None
            self.config_problem = f"cannot configure: {error!r}"

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        if self.config is None:
            self.report_error(self.config_error_code, f"wrong properties: {self.config_problem}")
            return
        self.spawn(self.start_stage())

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        self._stopping = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)
        try:
            await self.stop_stage()
        except Exception as error:
            ten_env.log_error(f"{self.module}: stopping failed: {error!r}")

    async def on_audio_frame(self, ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        if self.config is None:
            return
        try:
            self.handle_audio(audio_frame)
        except Exception as error:
            self.report_error(names.CODE_NON_FATAL, f"audio frame failed: {error!r}")

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        if self.config is None:
            return
        name = data.get_name()
        try:
            await self.handle_data(name, data)
        except asyncio.CancelledError:
            return  # the runtime is going down; letting this out would abort the process
        except Exception as error:
            self.report_error(names.CODE_NON_FATAL, f"{name} failed: {error!r}")

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        name = cmd.get_name()
        try:
            answer = await self.handle_cmd(name, cmd)
            if answer is not None:
                await ten_env.return_result(messages.result(cmd, answer))
        except asyncio.CancelledError:
            return
        except Exception as error:
            self.report_error(names.CODE_NON_FATAL, f"{name} failed: {error!r}")
            await ten_env.return_result(messages.result(cmd, {"detail": str(error)}, ok=False))

    # --- services for subclasses ----------------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """The stage is on its way out: nothing new is begun or reported."""
        return self._stopping

    @property
    def env(self) -> AsyncTenEnv:
        if self._env is None:
            raise RuntimeError("the stage is not initialised yet")
        return self._env

    @property
    def settings(self) -> ConfigT:
        """The configuration; only valid once `configured` was called."""
        if self.config is None:
            raise RuntimeError(f"the stage has no valid configuration: {self.config_problem}")
        return self.config

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside the callbacks; failures are reported, and it is cancelled when the stage stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def send_data(self, name: str, body: Mapping[str, Any]) -> None:
        self.post(self.env.send_data(messages.data(name, body)))

    def send_cmd(self, name: str, body: Mapping[str, Any]) -> None:
        """Send a command whose result does not matter."""
        self.spawn(self._send_cmd(messages.cmd(name, body)))

    def post(self, sending: Coroutine[Any, Any, Any]) -> None:
        """Complete a fire-and-forget send right here.

        TEN's `send_data` and `send_audio_frame` return without waiting when no result is asked for. Stepping them to their end
        leaves no room for anything between the decision to send and the send: that is what fencing of stale sound stands on.
        """
        try:
            sending.send(None)
        except StopIteration:
            return
        sending.close()
        raise RuntimeError("this runtime waits inside a fire-and-forget send, which TEN's does not")

    def report_error(
        self, code: int, message: str, *, request_id: str = "", metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.env.log_error(f"{self.module}: {message}", category=names.LOG_VENDOR)
        error = messages.error_data(
            self.module, code, message, request_id=request_id, vendor=self.vendor, metadata=metadata
        )
        self.post(self.env.send_data(error))

    def report_metrics(
        self, metrics: Mapping[str, Any], *, request_id: str = "", metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.post(
            self.env.send_data(
                messages.metrics_data(self.module, self.vendor, metrics, request_id=request_id, metadata=metadata)
            )
        )

    async def _send_cmd(self, cmd: Cmd) -> None:
        _, error = await self.env.send_cmd(cmd)
        if error is not None:
            self.env.log_debug(f"{self.module}: {error.error_message()}")

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or self._stopping:
            return
        error = task.exception()
        if error is not None:
            self.report_error(names.CODE_NON_FATAL, f"background work failed: {error!r}")


def readable_problem(error: ValidationError) -> str:
    """One line per wrong property: where it is and what is expected there."""
    lines = []
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"]) or "(root)"
        lines.append(f"{place}: {item['msg']}")
    return "; ".join(lines)
