"""From a node of a flat graph to an extension host on the right thread."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from ten_graph import Node

from ..async_extension import AsyncExtension, ThreadMode
from ..async_ten_env import AsyncTenEnv
from ..extension import BaseExtension, Extension
from ..ten_env import TenEnv
from .addon_store import AddonError, addon_store
from .async_host import AsyncExtensionHost
from .executors import LoopExecutor, WorkerExecutor
from .extension_host import ExtensionHost
from .log import runtime_log
from .loops import JOIN_LIMIT_S, LoopThread
from .node_setup import NodeSetup
from .sync_host import SyncExtensionHost

if TYPE_CHECKING:
    from .engine import Engine

UNSPECIFIED_GROUP: Final = "ten:unspecified_group"
TEST_EXTENSION: Final = "ten:test_extension"


def is_multi_thread() -> bool:
    mode = os.environ.get("TEN_PYTHON_THREAD_MODE", ThreadMode.SINGLE_THREAD)
    if mode == ThreadMode.MULTI_THREAD:
        return True
    if mode != ThreadMode.SINGLE_THREAD:
        runtime_log.warn(f"TEN_PYTHON_THREAD_MODE: {mode!r} is unknown; single_thread is used")
    return False


class HostFactory:
    """Owns the threads of one graph."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._workers: dict[str, WorkerExecutor] = {}
        self._loop_threads: list[LoopThread] = []

    async def make(self, node: Node) -> ExtensionHost:
        engine = self._engine
        if node.addon == TEST_EXTENSION and engine.app.tester is not None:
            return engine.app.tester.make_host(engine, node)
        entry = await addon_store.find(node.addon, engine.app.loop)
        setup = NodeSetup(node.name, node.addon, node.extension_group, node.property, entry.base_dir)
        setup.check(engine.app)
        context = addon_store.create(entry, engine.app.addon_env, node.name)
        instance = context.instance
        if instance is None:
            instance = await context.wait(engine.app.options.start_timeout_s)
        return self._host(setup, instance)

    def _host(self, setup: NodeSetup, instance: BaseExtension) -> ExtensionHost:
        host: ExtensionHost
        if isinstance(instance, AsyncExtension):
            host = AsyncExtensionHost(self._engine, setup, instance, self._loop_executor(setup.name))
            host.env = AsyncTenEnv(host)
        elif isinstance(instance, Extension):
            host = SyncExtensionHost(self._engine, setup, instance, self._worker(setup.group))
            host.env = TenEnv(host)
        else:
            made: Any = type(instance).__name__
            raise AddonError(f'addon "{setup.addon}" made a {made}, which is no Extension and no AsyncExtension')
        return host

    def _loop_executor(self, name: str) -> LoopExecutor:
        """The app's loop; with threads per extension, a loop of its own. A simulated clock has one loop only."""
        app = self._engine.app
        if app.is_virtual or not is_multi_thread():
            return app.executor
        thread = LoopThread(f"AsyncExtension-{name}")
        self._loop_threads.append(thread)
        return LoopExecutor(thread)

    def _worker(self, group: str) -> WorkerExecutor:
        name = group or UNSPECIFIED_GROUP
        worker = self._workers.get(name)
        if worker is None:
            worker = WorkerExecutor(self._engine.app.loop)
            worker.start(name)
            self._workers[name] = worker
        return worker

    def end(self) -> None:
        for worker in self._workers.values():
            worker.stop()
        for thread in self._loop_threads:
            thread.request_stop()  # all at once: each may take a while to cancel what is left on it
        for thread in self._loop_threads:
            thread.stop(JOIN_LIMIT_S)
        self._workers.clear()
        self._loop_threads.clear()
        del self._engine
