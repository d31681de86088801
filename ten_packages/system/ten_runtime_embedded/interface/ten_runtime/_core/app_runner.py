"""A user's app from configuration to its end: the order of section 2.5 of the specification."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ten_graph import GraphError, settings
from ten_graph.placeholders import resolve
from ten_graph.schema import ManifestApi

from ..error import TenError, TenErrorCode
from ..ten_env import TenEnv
from ..ten_env_attach_to_enum import _TenEnvAttachTo
from .app_core import AppCore, embedded_options
from .endpoint import generic_error
from .engine import LOCAL_URI
from .executors import WorkerExecutor
from .extension_host import Stage
from .log import LogConfigError, log_system, runtime_log
from .loops import LoopThread, new_virtual_loop_thread, shared_loop
from .node_setup import SetupError, check_settings, path_options
from .options import Options
from .predefined import parse_predefined
from .preload import preload_all

if TYPE_CHECKING:
    from ..app import App

_CALLBACKS: Final = {Stage.CONFIGURE: "on_configure", Stage.INIT: "on_init", Stage.DEINIT: "on_deinit"}


class AppRunner:
    """Callbacks of the app run on the thread that called ``run``; everything else on the loop."""

    def __init__(self, app: App, options: Options, *, is_virtual: bool) -> None:
        self._app = app
        self._is_virtual = is_virtual
        self._thread: LoopThread = new_virtual_loop_thread() if is_virtual else shared_loop.acquire()
        self._worker = WorkerExecutor(self._thread.loop)
        self.core: AppCore | None = None
        self._options = options
        self._stage: Stage | None = None
        self._acknowledged: asyncio.Future[None] | None = None
        self._close_early = False

    def run(self) -> None:
        """Blocks until the app is closed."""
        done = asyncio.run_coroutine_threadsafe(self._main(), self._thread.loop)
        done.add_done_callback(lambda _done: self._worker.stop())
        try:
            self._worker.run()
        except KeyboardInterrupt:
            # Without our signal handlers Python interrupts the wait itself; the app still ends in order.
            self.close()
            self._worker.run()
        done.result()
        self._release()

    def _release(self) -> None:
        if self._is_virtual:
            self._thread.stop()
        else:
            shared_loop.release()

    def close(self) -> None:
        self._close_early = True
        if self.core is not None:
            self.core.close()

    def on_loop(self, function: Callable[..., None], *args: Any) -> None:
        """From any thread, also from a signal handler: it takes no lock."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._thread.loop.call_soon_threadsafe(function, *args)

    @property
    def failure(self) -> TenError | None:
        return self.core.failure if self.core is not None else None

    async def _main(self) -> None:
        core = AppCore(self._thread, self._options, is_virtual=self._is_virtual)
        core.acknowledged = self._acknowledge
        core.run_handler = self._run_handler
        self.core = core
        if self._close_early:
            core.close()
        env = TenEnv(core, _TenEnvAttachTo.APP)
        await self._callback(Stage.CONFIGURE, env)
        if self._configure(core):
            core.spawn(core.auto_start())
        await self._callback(Stage.INIT, env)
        await core.wait_until_closing()
        await core.close_engines()
        await self._callback(Stage.DEINIT, env)
        core.leave()

    # Callbacks ------------------------------------------------------------------------------------------------

    async def _callback(self, stage: Stage, env: TenEnv) -> None:
        assert self.core is not None
        self._stage = self.core.stage = stage
        self._acknowledged = asyncio.get_running_loop().create_future()
        self._worker.post(self._call, _CALLBACKS[stage], env)
        if stage is not Stage.DEINIT:
            await self.core.unless_closing(asyncio.shield(self._acknowledged))
        await self._last_wait(self.core, stage, self._acknowledged)

    async def _last_wait(self, core: AppCore, stage: Stage, acknowledged: asyncio.Future[None]) -> None:
        """An app that is to end does not wait for ever."""
        limit_s = core.options.stop_timeout_s
        try:
            await asyncio.wait_for(acknowledged, limit_s)
        except asyncio.TimeoutError:
            message = f"app: {_CALLBACKS[stage]} was not acknowledged within {limit_s:g} s"
            runtime_log.error(message)
            core.note_failure(TenError.create(TenErrorCode.ErrorCodeTimeout, message))

    def _call(self, name: str, env: TenEnv) -> None:
        try:
            getattr(self._app, name)(env)
        except KeyboardInterrupt:  # no signal handler of ours is in place: ``run`` closes the app
            self.on_loop(self._acknowledge, self._stage)
            raise
        except BaseException as error:
            self._failed(name, error)
            assert self.core is not None
            self.core.executor.post(self._acknowledge, self._stage)

    def _failed(self, name: str, error: BaseException) -> None:
        assert self.core is not None
        runtime_log.exception(f"app: {name}: Uncaught exception: {error}")
        if self.core.options.uncaught_exception == "exit":
            self.core.exit_process()
        self.core.executor.post(self.core.fail, generic_error(f"app: {name} raised {type(error).__name__}: {error}"))

    def _acknowledge(self, stage: Stage | None) -> None:
        future = self._acknowledged
        if stage is not self._stage or future is None or future.done():
            runtime_log.warn("app: an acknowledgement is ignored, it is not due")
            return
        future.set_result(None)

    def _run_handler(self, handler: Callable[..., object], *args: Any) -> None:
        self._worker.post(self._handle, handler, args)

    def _handle(self, handler: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            handler(*args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._failed("a result or error handler", error)

    # Configuration --------------------------------------------------------------------------------------------

    def _configure(self, core: AppCore) -> bool:
        """False when the app cannot be used as configured; it then closes itself with an error."""
        core.enter(LOCAL_URI)
        try:
            tree = core.init_property
            if tree is None:
                tree = core.files.json_object(core.base_dir / "property.json")
            tree = resolve(tree, os.environ)
            api = ManifestApi.load(core.base_dir, app_base_dir=core.base_dir)
            tree = api.adjust_properties(tree)
            core.properties.replace(tree, api)
            core.options = embedded_options(core.options, tree)
            self._interpret(core, tree.get("ten", tree.get("_ten", {})))
        except (SetupError, GraphError, LogConfigError, ValueError) as reason:
            code = reason.code if isinstance(reason, GraphError) else TenErrorCode.ErrorCodeGeneric
            error = TenError.create(code, f"app: {reason}")
            runtime_log.error(error.error_message())
            core.fail(error)
            return False
        return True

    def _interpret(self, core: AppCore, ten: object) -> None:
        if not isinstance(ten, dict):
            raise SetupError("property 'ten' must be an object")
        if "log" in ten:
            log_system.configure(ten["log"])
        elif "log_level" in ten or "log_file" in ten:
            log_system.configure_legacy(ten.get("log_level"), ten.get("log_file"))
        uri = ten.get("uri", LOCAL_URI)
        if not isinstance(uri, str) or not uri:
            raise SetupError("property ten.uri must be a string that is not empty")
        if uri == LOCAL_URI and "uri" in ten:
            raise SetupError("property ten.uri must not be 'localhost'")
        core.uri = uri
        core.source = (uri, "", "")
        core.long_running = bool(ten.get("long_running_mode", False))
        check_settings(settings.path_problems(ten, "ten"))
        for name, value in path_options(ten).items():
            setattr(core, name, value)
        if isinstance(ten.get("addon"), dict) and ten["addon"].get("preload_all"):
            preload_all(core.base_dir)
        core.predefined = parse_predefined(ten.get("predefined_graphs", []), core.base_dir)
