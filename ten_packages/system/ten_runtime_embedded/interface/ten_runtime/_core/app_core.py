"""A running app: its properties, its graphs, its life from ``run`` to ``close``."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from ten_graph import FlatGraph, GraphError

from ..error import TenError
from ..loc import Loc
from ..ten_env import TenEnv
from ..ten_env_attach_to_enum import _TenEnvAttachTo
from .base_dir import app_base_dir, install_finder
from .builtin_cmds import APP_CMDS, BuiltinCmds
from .content import CMD, RESULT, Content
from .dead_end import DeadEnd
from .endpoint import Endpoint, generic_error
from .engine import GRAPH_PROXY, LOCAL_URI, Engine, GraphStartError
from .executors import Executor, LaterCall, LoopExecutor
from .extension_host import Stage
from .log import log_system, runtime_log
from .loops import LoopThread
from .node_setup import PropertyFiles
from .options import Options
from .predefined import PredefinedGraph
from .property_store import PropertyStore
from .registry import running_apps
from .routes import Dest

if TYPE_CHECKING:
    from .tester_run import TesterSeat

EXIT_CODE_UNCAUGHT: Final = 1


class AppCore(Endpoint):
    """Everything runs on the app's loop unless it says otherwise."""

    executor: LoopExecutor

    def __init__(self, thread: LoopThread, options: Options, *, is_virtual: bool) -> None:
        super().__init__(self, LoopExecutor(thread), (LOCAL_URI, "", ""))
        self.loop = thread.loop
        self.is_virtual = is_virtual
        self.options = options
        self.uri = LOCAL_URI
        self.name = "app"
        self.base_dir: Path = app_base_dir()
        self.properties = PropertyStore()
        self.files = PropertyFiles()
        self.engines: dict[str, Engine] = {}
        self.predefined: dict[str, PredefinedGraph] = {}
        self.long_running = False
        self.closed = False
        self.stage: Stage | None = None
        self.init_property: dict[str, Any] | None = None
        self.failure: TenError | None = None
        self.uncaught: BaseException | None = None  # the first exception that came out of a callback
        self.tester: TesterSeat | None = None
        self.addon_env = TenEnv(self, _TenEnvAttachTo.ADDON)
        self.run_handler: Callable[..., None] = self._run_handler_here
        self._close_requested: asyncio.Future[None] = self.loop.create_future()
        self._graphs_started = 0
        self._builtin = BuiltinCmds(self)
        self._tasks: set[asyncio.Task[Any]] = set()

    # Time -----------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.loop.time()

    def call_later(self, delay_s: float, executor: Executor, function: Callable[[], None]) -> LaterCall:
        """From any thread; the function runs on the executor."""
        call = LaterCall(executor, function)
        if get_ident() == self.executor.thread_id:
            self.loop.call_later(delay_s, call.fire)
        else:
            self.executor.post(self.loop.call_later, delay_s, call.fire)
        return call

    # Life -----------------------------------------------------------------------------------------------------

    def enter(self, uri: str) -> None:
        self.uri = uri
        self.source = (uri, "", "")
        install_finder()
        base_dir = str(self.base_dir)
        if base_dir not in sys.path:
            sys.path.append(base_dir)
        running_apps.add(self)

    async def wait_until_closing(self) -> None:
        await self._close_requested

    async def unless_closing(self, work: Awaitable[Any]) -> None:
        """Work that an extension or addon can hold up; once the app shall close, it is not waited for any more."""
        task = asyncio.ensure_future(work)
        await asyncio.wait((task, self._close_requested), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        else:
            task.cancel()
            await asyncio.wait((task,))

    async def close_engines(self) -> None:
        """A graph that another one started is its starter's to stop: a gateway lets its conversations end first."""
        for is_dynamic in (False, True):
            engines = [engine for engine in self.engines.values() if engine.is_dynamic is is_dynamic]
            for engine in engines:
                engine.stop()
            for engine in engines:
                await engine.closed

    def leave(self) -> None:
        self.closed = True
        self.close_paths()
        running_apps.remove(self)
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """From any thread, any number of times."""
        self.executor.post(self._request_close)

    def _request_close(self) -> None:
        if not self._close_requested.done():
            self._close_requested.set_result(None)

    @property
    def is_closing(self) -> bool:
        return self._close_requested.done()

    def note_failure(self, error: TenError) -> None:
        """The first error is the app's."""
        self.failure = self.failure or error

    def fail(self, error: TenError) -> None:
        self.note_failure(error)
        self._request_close()

    def exit_process(self) -> None:
        log_system.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_CODE_UNCAUGHT)

    def spawn(self, coro: Any) -> None:
        task = self.loop.create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _run_handler_here(self, handler: Callable[..., object], *args: Any) -> None:
        try:
            handler(*args)
        except Exception as error:
            runtime_log.exception("a handler of the app failed")
            self.fail(generic_error(f"a handler of the app raised {type(error).__name__}: {error}"))

    # Graphs ---------------------------------------------------------------------------------------------------

    async def start_graph(
        self,
        flat: FlatGraph,
        *,
        name: str = "",
        starter: Endpoint | None = None,
        sync_stop: bool = False,
        before_begin: Callable[[Engine], None] | None = None,
    ) -> Engine:
        """Raises ``GraphStartError``. Returns when all instances exist and their life has begun."""
        engine = Engine(self, self._new_graph_id(), name, starter, is_dynamic=starter is not None)
        engine.sync_stop_before_deinit = sync_stop
        await engine.create(flat)
        if self.is_closing:
            engine.abandon()
            raise GraphStartError("the app is closing")
        self.engines[engine.graph_id] = engine
        if before_begin is not None:
            before_begin(engine)
        engine.begin()
        return engine

    def _new_graph_id(self) -> str:
        """Random; on a simulated clock counted, as a run must be the same twice."""
        if not self.is_virtual:
            return str(uuid.uuid4())
        self._graphs_started += 1
        return str(uuid.UUID(int=self._graphs_started, version=4))

    async def start_predefined(self, graph: PredefinedGraph, starter: Endpoint | None = None) -> Engine:
        """Of a singleton there is one engine, however many ask for it."""
        if graph.singleton:
            return await graph.single_engine(lambda: self._start_predefined(graph, starter))
        return await self._start_predefined(graph, starter)

    async def _start_predefined(self, graph: PredefinedGraph, starter: Endpoint | None) -> Engine:
        return await self.start_graph(
            graph.flat, name=graph.name, starter=starter, sync_stop=graph.sync_stop_before_deinit
        )

    async def auto_start(self) -> None:
        for graph in self.predefined.values():
            if graph.auto_start:
                try:
                    await self.start_predefined(graph)
                except (GraphStartError, GraphError) as reason:
                    if self.is_closing:
                        return
                    error = generic_error(f'graph "{graph.name}" cannot be started: {reason}')
                    runtime_log.error(error.error_message())
                    self.fail(error)
                    return

    def engine_closed(self, engine: Engine) -> None:
        self.engines.pop(engine.graph_id, None)
        graph = self.predefined.get(engine.name)
        if graph is not None:
            graph.forget(engine)
        if not self.engines and not self.long_running:
            self._request_close()

    # Addressing, on the sender's thread -----------------------------------------------------------------------

    def resolve(self, loc: Loc, content: Content, sender: Any) -> list[Dest]:
        app: AppCore = self
        if loc.app_uri and loc.app_uri not in (self.uri, LOCAL_URI):
            other = running_apps.find(loc.app_uri)
            if other is None:
                return [Dest(DeadEnd(self, f'Failed to find the app "{loc.app_uri}".'))]
            app = other
        if not loc.graph_id and not loc.extension_name and self._is_for_app(content):
            return [Dest(app)]
        engine = app.engine_for(loc.graph_id or sender.graph_id)
        if engine is None:
            graph = app.predefined.get(loc.graph_id or "")
            if graph is not None and graph.singleton:
                return [Dest(graph.gate(app, loc))]
            detail = "Graph not found." if loc.graph_id or loc.extension_name else "The app takes no such message."
            return [Dest(DeadEnd(app, detail))]
        return app.dests_in(engine, loc.extension_name, content, sender)

    @staticmethod
    def _is_for_app(content: Content) -> bool:
        return content.kind == CMD and content.name in APP_CMDS

    def engine_for(self, graph_id: str) -> Engine | None:
        engine = self.engines.get(graph_id)
        if engine is None:
            graph = self.predefined.get(graph_id)
            if graph is not None and graph.singleton:
                engine = graph.engine
        return engine

    def dests_in(self, engine: Engine, extension: str | None, content: Content, sender: Any) -> list[Dest]:
        if not extension or extension == GRAPH_PROXY:
            return engine.port(content, sender)
        host = engine.hosts.get(extension)
        if host is None:
            return [Dest(DeadEnd(self, f"The extension[{extension}] is invalid."))]
        return [Dest(host)]

    # Receiving ------------------------------------------------------------------------------------------------

    def accept(self, content: Any) -> None:
        if content.kind == RESULT:
            self.take_result(content)
        elif content.kind == CMD and content.name in APP_CMDS and not self.closed:
            self.open_in_path(content)
            self._builtin.handle(content)
        else:
            self.refuse(content, f"The app does not handle '{content.name}'.")

    def acknowledge(self, stage: Any) -> None:
        self.acknowledged(stage)

    acknowledged: Callable[[Any], None]


def embedded_options(base: Options, tree: Mapping[str, Any]) -> Options:
    own = tree.get("ten_embedded")
    return base.with_properties(own) if isinstance(own, dict) else base
